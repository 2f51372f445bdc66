import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { FRAME_HEADER_BYTES } from './message-parts.ts'

/**
 * Largest compressed message, before and after. Envoy never compresses; others send small messages. A
 * thousandth of it can be the bomb, so what comes out is bounded, not what goes in.
 */
export const MAX_UNPACKED_BYTES = 16 * 1024 * 1024

const OPTIONS = { maxOutputLength: MAX_UNPACKED_BYTES }

const ENCODINGS: Readonly<
  Record<string, { readonly later: typeof gunzip; readonly now: typeof gunzipSync }>
> = {
  gzip: { later: gunzip, now: gunzipSync },
  deflate: { later: inflate, now: inflateSync },
}

/** Unpacks compressed messages, one at a time: together they never take more than one of them. */
export class Unpacker {
  unpacked = 0
  refused = 0
  #turn: Promise<unknown> = Promise.resolve()

  /** The content of a compressed message in its frame. Rejects with a gRPC status. */
  unpack(framed: Buffer, encoding: string): Promise<Buffer> {
    const unpacked = this.#turn.then(() =>
      this.#unpack(framed.subarray(FRAME_HEADER_BYTES), encoding),
    )
    this.#turn = unpacked.catch(() => undefined)
    return unpacked
  }

  /** The same at once, for the last messages of a stream; undefined if it cannot be unpacked. */
  unpackNow(framed: Buffer, encoding: string): Buffer | undefined {
    try {
      return ENCODINGS[encoding]?.now(framed.subarray(FRAME_HEADER_BYTES), OPTIONS)
    } catch {
      return undefined
    }
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

/** What grpc-js ends a call with: an error by its `code`. */
function grpcStatus(code: number, details: string): Error {
  return Object.assign(new Error(details), { code, details })
}

function rejected(code: number, details: string): Promise<never> {
  return Promise.reject(grpcStatus(code, details))
}
