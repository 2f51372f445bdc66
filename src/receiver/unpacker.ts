import { setTimeout as sleep } from 'node:timers/promises'
import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { FRAME_HEADER_BYTES } from './message-parts.ts'

/**
 * Largest compressed message, before and after. Envoy never compresses; others send small messages. A
 * thousandth of it can be the bomb, so what comes out is bounded, not what goes in.
 */
export const MAX_UNPACKED_BYTES = 16 * 1024 * 1024
/**
 * What comes out in a second at most: 16 KB can become eight million entries, which take half a second to
 * handle.
 */
const BYTES_PER_SECOND = 32 * 1024 * 1024
/** As much as one message is unpacked at once in this time, while everything else waits, ms. */
const AT_ONCE_EVERY_MS = 4000

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
 * turns, and what comes out is bounded by time: it takes a part of the thread, whatever comes.
 */
export class Unpacker {
  unpacked = 0
  refused = 0
  /** What waits, by sender; the one whose turn was longest ago is first. */
  readonly #waiting = new Map<string, Set<() => Promise<number>>>()
  #isRunning = false
  /** What may still be unpacked at once, bytes, and since when that counts. */
  #atOnce = 0
  #atOnceSinceMs = Number.NEGATIVE_INFINITY

  /** Unpacks a compressed message in its frame when it is the turn of `sender` (`Sender.key`). */
  unpack(framed: Buffer, encoding: string, sender: string): Unpacking {
    const { promise: content, resolve, reject } = Promise.withResolvers<Buffer>()
    const run = async (): Promise<number> => {
      try {
        const unpacked = await this.#unpack(framed.subarray(FRAME_HEADER_BYTES), encoding)
        resolve(unpacked)
        return unpacked.length
      } catch (error) {
        reject(error)
        return 0
      }
    }
    const ofSender = this.#waiting.get(sender) ?? new Set()
    this.#waiting.set(sender, ofSender.add(run))
    if (!this.#isRunning) void this.#runAll()
    return { content, forget: () => void ofSender.delete(run) }
  }

  /**
   * The same at once, for the last messages of a stream; undefined if it cannot be unpacked, or too much was
   * just before.
   */
  unpackNow(framed: Buffer, encoding: string): Buffer | undefined {
    const nowMs = performance.now()
    if (nowMs - this.#atOnceSinceMs >= AT_ONCE_EVERY_MS) {
      this.#atOnceSinceMs = nowMs
      this.#atOnce = MAX_UNPACKED_BYTES
    }
    try {
      const content = framed.subarray(FRAME_HEADER_BYTES)
      const options = { maxOutputLength: Math.max(1, this.#atOnce) }
      const unpacked = this.#atOnce > 0 ? ENCODINGS[encoding]?.now(content, options) : undefined
      if (unpacked !== undefined) {
        this.#atOnce -= unpacked.length
        this.unpacked++
        return unpacked
      }
    } catch {
      // Damaged, or larger than what is left: how far it came is not known.
      this.#atOnce = 0
    }
    this.refused++
    return undefined
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
