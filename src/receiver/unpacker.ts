import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { wholePool } from '../runtime/fair-share.ts'
import type { PartCounters } from './message-framer.ts'
import { FRAME_HEADER_BYTES, MessageParts, PART_BYTES } from './message-parts.ts'

/**
 * Largest compressed message, before and after. Envoy never compresses; others send small messages. A
 * thousandth of it can be the bomb, so what comes out is bounded, not what goes in.
 */
export const MAX_UNPACKED_BYTES = 16 * 1024 * 1024
/** What comes out in a second at most: 16 KB can become eight million entries. */
const BYTES_PER_SECOND = 32 * 1024 * 1024
/** What is unpacked at once, while everything else waits: of one message, and in a second of all. */
const AT_ONCE_BYTES = 128 * 1024
const AT_ONCE_PER_SECOND = 1024 * 1024

const EMPTY = Buffer.alloc(0)
const OPTIONS = { maxOutputLength: MAX_UNPACKED_BYTES }

const ENCODINGS: Readonly<
  Record<string, { readonly later: typeof gunzip; readonly now: typeof gunzipSync }>
> = {
  gzip: { later: gunzip, now: gunzipSync },
  deflate: { later: inflate, now: inflateSync },
}

/** A message that waits to be unpacked. */
export interface Unpacking {
  /** Rejects with a gRPC status. */
  readonly content: Promise<Buffer>
  /** Its stream is gone: if it still waits, it is not unpacked. `content` never settles then. */
  readonly forget: () => void
}

/**
 * Unpacks compressed messages, one at a time: together they never take more than one of them. Senders take
 * turns, and what comes out is bounded by time and handed on in parts: it takes a part of the thread,
 * whatever comes.
 */
export class Unpacker {
  unpacked = 0
  refused = 0
  /** What waits, by sender; the one whose turn was longest ago is first. */
  readonly #waiting = new Map<string, Set<() => Promise<number>>>()
  #isRunning = false
  /** What was unpacked at once in this second. */
  readonly #atOnce = wholePool(AT_ONCE_PER_SECOND)
  #atOnceSinceMs = Number.NEGATIVE_INFINITY
  readonly #counters: PartCounters

  constructor(counters: PartCounters) {
    this.#counters = counters
  }

  /**
   * Unpacks a compressed message in its frame when it is the turn of `sender` (`Sender.key`). Of a large one
   * `handOn` gets the parts before the last, with turns of the loop in between.
   */
  unpack(
    framed: Buffer,
    encoding: string,
    sender: string,
    handOn: (part: Buffer) => Promise<void>,
  ): Unpacking {
    const { promise: content, resolve, reject } = Promise.withResolvers<Buffer>()
    let isForgotten = false
    const run = async (): Promise<number> => {
      try {
        const unpacked = await this.#unpack(framed.subarray(FRAME_HEADER_BYTES), encoding)
        const last = await this.#inParts(unpacked, handOn, () => isForgotten)
        if (last !== undefined) resolve(last)
        return unpacked.length
      } catch (error) {
        reject(error)
        return 0
      }
    }
    const ofSender = this.#waiting.get(sender) ?? new Set()
    this.#waiting.set(sender, ofSender.add(run))
    if (!this.#isRunning) void this.#runAll()
    const forget = (): void => {
      isForgotten = true
      ofSender.delete(run)
    }
    return { content, forget }
  }

  /**
   * The same at once, for the last messages of a stream; undefined if it cannot be unpacked, or too much of
   * this sender was just before.
   */
  unpackNow(framed: Buffer, encoding: string, sender: string): Buffer | undefined {
    const nowMs = performance.now()
    if (nowMs - this.#atOnceSinceMs >= 1000) {
      this.#atOnceSinceMs = nowMs
      this.#atOnce.clear()
    }
    let taken = 0
    try {
      if (this.#atOnce.hasRoom(sender, AT_ONCE_BYTES)) {
        taken = AT_ONCE_BYTES
        const unpacked = ENCODINGS[encoding]?.now(framed.subarray(FRAME_HEADER_BYTES), {
          maxOutputLength: AT_ONCE_BYTES,
        })
        taken = unpacked?.length ?? 0
        if (unpacked !== undefined) {
          this.unpacked++
          return unpacked
        }
      }
    } catch {
      // Damaged, or too large: how far it came is not known.
    } finally {
      this.#atOnce.take(sender, taken)
    }
    this.refused++
    return undefined
  }

  /** Hands on all parts but the last, which it gives; undefined if the stream went in between. */
  async #inParts(
    message: Buffer,
    handOn: (part: Buffer) => Promise<void>,
    isForgotten: () => boolean,
  ): Promise<Buffer | undefined> {
    if (message.length <= PART_BYTES) return message
    let last: Buffer | undefined
    for (const part of partsOf(message)) {
      this.#counters.extraParts++
      this.#counters.extraBytes += part.length
      if (last !== undefined) {
        await handOn(last)
        await nextTurn()
        if (isForgotten()) return undefined
      }
      last = part
    }
    this.#counters.extraParts--
    this.#counters.extraBytes -= message.length
    return last ?? EMPTY
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined) break
      const [sender, ofSender] = next
      const [run] = ofSender
      this.#waiting.delete(sender)
      if (run === undefined) continue
      ofSender.delete(run)
      this.#waiting.set(sender, ofSender)
      const unpacked = await run()
      await pause((unpacked / BYTES_PER_SECOND) * 1000)
    }
    this.#isRunning = false
  }

  #unpack(content: Buffer, encoding: string): Promise<Buffer> {
    const known = ENCODINGS[encoding]
    if (known === undefined) {
      this.refused++
      const details = `compressed with "${encoding}": use identity, gzip or deflate`
      return rejected(status.UNIMPLEMENTED, details)
    }
    return new Promise((resolve, reject) => {
      known.later(content, OPTIONS, (error, result) => {
        if (error === null) {
          this.unpacked++
          resolve(result)
          return
        }
        this.refused++
        const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        reject(
          isTooLarge
            ? grpcStatus(
                status.RESOURCE_EXHAUSTED,
                `unpacks to more than ${MAX_UNPACKED_BYTES} bytes`,
              )
            : grpcStatus(status.INTERNAL, 'a compressed message cannot be unpacked'),
        )
      })
    })
  }
}

/** Parts of a message, as it would have arrived in them without compression. */
function* partsOf(message: Buffer): Generator<Buffer> {
  const cut = new MessageParts(message.length)
  for (let at = 0; at < message.length; at += PART_BYTES) {
    const parts: Buffer[] = []
    cut.write(message.subarray(at, at + PART_BYTES), parts)
    for (const part of parts) yield part.subarray(FRAME_HEADER_BYTES)
  }
}

/** Not for what is too little to wait for: a timer takes 1 ms at least. */
async function pause(ms: number): Promise<void> {
  if (ms >= 1) await sleep(ms, undefined, { ref: false })
}

/** What grpc-js ends a call with: an error by its `code`. */
function grpcStatus(code: number, details: string): Error {
  return Object.assign(new Error(details), { code, details })
}

function rejected(code: number, details: string): Promise<never> {
  return Promise.reject(grpcStatus(code, details))
}
