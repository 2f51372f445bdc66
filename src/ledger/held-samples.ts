import type { StoredConnection } from '../model/connection.ts'
import { type Crowding, crowdingOf } from '../model/crowding.ts'
import type { SampleBatch } from '../model/sample.ts'
import { sharedPool } from '../runtime/fair-share.ts'
import { identityKey } from '../runtime/identity-key.ts'
import { NO_SENDER } from '../runtime/sender-slots.ts'
import type { SampleOrigin } from './ports.ts'

/** Samples kept aside, shared out among senders; about half a kilobyte each. */
const MAX_HELD_SAMPLES = 200_000
/** Of these, those that are not final: a final is its connection's last report. */
const MAX_HELD_PERIODIC = 150_000
/** Ids that the file is asked about at one time: the receiving thread takes their answers in 5 ms. */
const MOST_QUESTIONS = 500

/** Texts of a decoder's interner, by id and back: held samples outlive the interner's epoch. */
export interface Texts {
  text(id: number): string
  internText(text: string): number
}

/** One sample, copied out of its batch. */
export interface HeldSample {
  readonly origin: SampleOrigin
  arrivalMs: number
  readonly final: boolean
  /** Writes the sample into row 0 of an empty batch. */
  restore(batch: SampleBatch, texts: Texts): void
}

/** An id that waits for the file's answer. */
export interface HeldId {
  readonly key: Uint8Array
  readonly samples: HeldSample[]
  /** The identity that it had while its node was not known (see `SampleBatch.before`), and its start. */
  readonly before: Uint8Array | undefined
  readonly startMs: number
}

/**
 * Samples of ids that memory does not know and that began before what memory has forgotten: the file
 * is asked first, because the id may be there with bytes already counted. They wait in arrival order
 * and are applied in that order, with their own arrival times, once the file has answered.
 */
export class HeldSamples {
  readonly #all = sharedPool(MAX_HELD_SAMPLES)
  readonly #periodic = sharedPool(MAX_HELD_PERIODIC)
  readonly #ids = new Map<string, HeldId>()
  readonly #texts: Texts
  /** Ids that the file does not know, by the identity that they had before. */
  readonly #before = new Map<string, HeldId[]>()
  /** Ids that nobody has asked the file about yet, by the sender of their first sample. */
  readonly #unasked = new Map<string, Queue>()

  constructor(texts: Texts) {
    this.#texts = texts
  }

  /** Samples that wait. */
  get size(): number {
    return this.#all.total
  }

  /** Samples that found no room in their sender's share. */
  get refusals(): number {
    return this.#all.refusals + this.#periodic.refusals
  }

  /** Whether a sender's samples come faster than the file answers. */
  crowding(sender: string): Crowding {
    const { limit, total, guaranteed } = this.#all
    return crowdingOf(limit, total, this.#all.held(sender), guaranteed)
  }

  /** Whether somebody should ask the file. */
  get hasQuestions(): boolean {
    return this.#unasked.size > 0
  }

  has(batch: SampleBatch, i: number): boolean {
    return this.#ids.has(keyText(batch, i))
  }

  /** Keeps a sample; false when there is no room. */
  hold(batch: SampleBatch, i: number, origin: SampleOrigin, arrivalMs: number): boolean {
    const { sender } = origin
    const final = batch.final[i] === 1
    if (!this.#all.hasRoom(sender) || !(final || this.#periodic.hasRoom(sender))) return false
    const text = keyText(batch, i)
    let held = this.#ids.get(text)
    if (held === undefined) {
      held = {
        key: identityKey(batch.identity, i * 4),
        samples: [],
        before: batch.before(i),
        startMs: Math.floor(batch.startMs[i] as number),
      }
      this.#ids.set(text, held)
      this.#ask(held.key, sender)
    }
    held.samples.push(copySample(batch, i, origin, arrivalMs, this.#texts))
    this.#all.take(sender)
    if (!final) this.#periodic.take(sender)
    return true
  }

  /**
   * Ids that nobody has asked the file about yet, 16 bytes each, `MOST_QUESTIONS` at most; they count as asked
   * from now on. Senders take turns, so that one id does not wait for another sender's thousands.
   */
  takeQuestions(): Uint8Array {
    const taken: Uint8Array[] = []
    // A Map goes on to what is put at its end meanwhile.
    for (const [sender, queue] of this.#unasked) {
      if (taken.length === MOST_QUESTIONS) break
      taken.push(queue.keys[queue.next++] as Uint8Array)
      this.#unasked.delete(sender)
      if (queue.next < queue.keys.length) this.#unasked.set(sender, queue)
    }
    const keys = new Uint8Array(taken.length * 16)
    taken.forEach((key, index) => {
      keys.set(key, index * 16)
    })
    return keys
  }

  #ask(key: Uint8Array, sender: string): void {
    const queue = this.#unasked.get(sender)
    if (queue === undefined) this.#unasked.set(sender, { keys: [key], next: 0 })
    else queue.keys.push(key)
  }

  /** The file does not know an id: asks it for the identity that the id had before. False if it had no other. */
  askBefore(key: Uint8Array): boolean {
    const held = this.#ids.get(textOfKey(key))
    if (held?.before === undefined) return false
    const text = textOfKey(held.before)
    const others = this.#before.get(text)
    if (others === undefined) {
      this.#before.set(text, [held])
      this.#ask(held.before, held.samples[0]?.origin.sender ?? NO_SENDER)
    } else others.push(held)
    return true
  }

  /** The ids that were asked for by an identity of before, which is answered now. */
  takeBefore(key: Uint8Array): readonly HeldId[] {
    if (this.#before.size === 0) return []
    const text = textOfKey(key)
    const held = this.#before.get(text) ?? []
    this.#before.delete(text)
    return held
  }

  /** The wall clock was set: the times of samples that wait move with it. */
  stepped(byMs: number): void {
    for (const { samples } of this.#ids.values()) {
      for (const sample of samples) sample.arrivalMs += byMs
    }
  }

  /** Whom the waiting samples came from: their session ids must keep their meaning. */
  *origins(): Iterable<SampleOrigin> {
    for (const { samples } of this.#ids.values()) {
      for (const { origin } of samples) yield origin
    }
  }

  /** Gives back the samples of an answered id, oldest first, and forgets it. */
  release(key: Uint8Array): HeldSample[] {
    const text = textOfKey(key)
    const held = this.#ids.get(text)
    if (held === undefined) return []
    this.#ids.delete(text)
    for (const { origin, final } of held.samples) {
      this.#all.release(origin.sender)
      if (!final) this.#periodic.release(origin.sender)
    }
    return held.samples
  }
}

/** Ids of one sender, oldest first; those before `next` have been asked about. */
interface Queue {
  readonly keys: Uint8Array[]
  next: number
}

/** The file's answers, in the order of the questions: undefined where it has no such row. */
export type Answers = readonly (StoredConnection | undefined)[]

function keyText(batch: SampleBatch, i: number): string {
  const k = i * 4
  const words = batch.identity
  return `${words[k]},${words[k + 1]},${words[k + 2]},${words[k + 3]}`
}

function textOfKey(key: Uint8Array): string {
  const words = new DataView(key.buffer, key.byteOffset, 16)
  return [0, 4, 8, 12].map((at) => words.getInt32(at)).join(',')
}

function copySample(
  batch: SampleBatch,
  i: number,
  origin: SampleOrigin,
  arrivalMs: number,
  texts: Texts,
): HeldSample {
  const k = i * 4
  const identity = batch.identity.slice(k, k + 4)
  const address = batch.address.slice(k, k + 4)
  const kind = batch.kind[i] as number
  const identityKind = batch.identityKind[i] as number
  const entryType = batch.entryType[i] as number
  const final = batch.final[i] as number
  const startMs = batch.startMs[i] as number
  const durationMs = batch.durationMs[i] as number
  const beganMs = batch.beganMs[i] as number
  const wireUpload = batch.wireUpload[i] as number
  const wireDownload = batch.wireDownload[i] as number
  const plainUpload = batch.plainUpload[i] as number
  const plainDownload = batch.plainDownload[i] as number
  const sni = texts.text(batch.sni[i] as number)
  const cluster = texts.text(batch.cluster[i] as number)
  const authority = texts.text(batch.authority[i] as number)
  const peer = origin.reportsPeers ? texts.text(batch.peer[i] as number) : ''
  const port = batch.port[i] as number
  const meshTls = batch.meshTls[i] as number
  return {
    origin,
    arrivalMs,
    final: final === 1,
    restore(into, intoTexts) {
      into.reset()
      into.count = 1
      into.identity.set(identity)
      into.address.set(address)
      into.kind[0] = kind
      into.identityKind[0] = identityKind
      into.entryType[0] = entryType
      into.final[0] = final
      into.startMs[0] = startMs
      into.durationMs[0] = durationMs
      into.beganMs[0] = beganMs
      into.wireUpload[0] = wireUpload
      into.wireDownload[0] = wireDownload
      into.plainUpload[0] = plainUpload
      into.plainDownload[0] = plainDownload
      into.sni[0] = intoTexts.internText(sni)
      into.cluster[0] = intoTexts.internText(cluster)
      into.authority[0] = intoTexts.internText(authority)
      into.peer[0] = intoTexts.internText(peer)
      into.port[0] = port
      into.meshTls[0] = meshTls
    },
  }
}
