import type { ServerHttp2Stream } from 'node:http2'

/**
 * What we need of grpc-js's calls beyond its API. The version is pinned and
 * `test/receiver/grpc-internals.test.ts` fails when a field moves; without them the receiver works,
 * without the last words of streams that it ends.
 */

/** One call inside grpc-js: `BaseServerInterceptingCall`. */
export interface CallInternals {
  readonly stream: ServerHttp2Stream
  /** Puts messages together; the 5-byte frame header is still in front. Throws on a too large one. */
  decoder: { write(data: Buffer): Buffer[] }
  decompressMessage: (framed: Buffer, encoding: string) => Buffer | Promise<Buffer>
  /** What `grpc-encoding` says. */
  readonly incomingEncoding: string
  /** Messages that were received whole and not handed out yet. */
  readonly readQueue: { readonly compressedMessage: Buffer | null }[]
  /** Whether the next message is asked for. */
  readonly isReadPending: boolean
  readonly cancelled: boolean
  sendStatus: (this: CallInternals, status: { readonly code: number }) => void
}

/** The inside of a server call; undefined if grpc-js is not the one we know. */
export function internalsOf(call: object): CallInternals | undefined {
  const inside = (call as { call?: Partial<CallInternals> }).call
  const known =
    typeof inside?.stream?.once === 'function' &&
    typeof inside.decoder?.write === 'function' &&
    typeof inside.decompressMessage === 'function' &&
    typeof inside.sendStatus === 'function' &&
    typeof inside.incomingEncoding === 'string' &&
    typeof inside.isReadPending === 'boolean' &&
    typeof inside.cancelled === 'boolean' &&
    Array.isArray(inside.readQueue)
  return known ? (inside as CallInternals) : undefined
}

/** Tells of every status that ends the call, also of those that grpc-js gives by itself. */
export function watchStatus(call: CallInternals, seen: (code: number) => void): void {
  const send = call.sendStatus
  call.sendStatus = (status) => {
    seen(status.code)
    send.call(call, status)
  }
}

/**
 * After a call was cancelled or has sent its status, grpc-js throws away what is still under way. But
 * Envoy goes on sending until it reads the status, and counts that as delivered. This hands out what
 * arrives, in frames, until the HTTP/2 stream closes.
 */
export function readToTheEnd(call: CallInternals, message: (framed: Buffer) => void): void {
  let broken = false
  // Before grpc-js sees the data: what it still takes itself must not be taken twice.
  call.stream.prependListener('data', (data: Buffer) => {
    const takenByGrpc = !(call.cancelled || call.stream.destroyed || call.stream.closed)
    if (takenByGrpc || broken) return
    try {
      for (const framed of call.decoder.write(data)) message(framed)
    } catch {
      // Larger than the limit: the rest of the stream cannot be framed any more.
      broken = true
    }
  })
}

/** Hands out what a cancelled call had received whole, in frames; grpc-js would drop it. */
export function takeQueued(call: CallInternals, message: (framed: Buffer) => void): void {
  for (const { compressedMessage } of call.readQueue.splice(0)) {
    if (compressedMessage !== null) message(compressedMessage)
  }
}
