import type { ServerHttp2Stream } from 'node:http2'

/**
 * What we need of grpc-js's calls beyond its API. The version is pinned and
 * `test/receiver/grpc-internals.test.ts` fails when a field moves; without them the receiver works,
 * without the last words of streams that it ends.
 */

/** gRPC's frame before each message: compressed flag and length. */
const FRAME_HEADER_BYTES = 5

/** One call inside grpc-js: `BaseServerInterceptingCall`. */
export interface CallInternals {
  readonly stream: ServerHttp2Stream
  /** Puts messages together; the 5-byte frame header is still in front. Throws on a too large one. */
  readonly decoder: {
    write(data: Buffer): Buffer[]
    /** 0 between two messages. */
    readState?: number
    readCompressFlag?: Buffer
    readPartialMessage?: Buffer[]
  }
  /** Messages that were received whole and not handed out yet. */
  readonly readQueue: { readonly compressedMessage: Buffer | null }[]
  readonly cancelled: boolean
  sendStatus: (this: CallInternals, status: { readonly code: number }) => void
}

/** The inside of a server call; undefined if grpc-js is not the one we know. */
export function internalsOf(call: object): CallInternals | undefined {
  const inside = (call as { call?: Partial<CallInternals> }).call
  const known =
    typeof inside?.stream?.once === 'function' &&
    typeof inside.decoder?.write === 'function' &&
    typeof inside.sendStatus === 'function' &&
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

const NOT_COMPRESSED = Buffer.alloc(1)

/**
 * Between two messages grpc-js's decoder holds on to the chunks of the last one: 64 KB for every idle
 * stream that has sent nothing but its identifier (measured: 2,000 of them took 410 MB).
 */
export function releaseLastMessage({ decoder }: CallInternals): void {
  if (decoder.readState !== 0) return
  decoder.readCompressFlag = NOT_COMPRESSED
  if (decoder.readPartialMessage !== undefined) decoder.readPartialMessage = []
}

/**
 * After a call was cancelled or has sent its status, grpc-js throws away what is still under way. But
 * Envoy goes on sending until it reads the status, and counts that as delivered. This hands out what
 * arrives until the HTTP/2 stream closes.
 */
export function readToTheEnd(call: CallInternals, message: (bytes: Buffer) => void): void {
  let broken = false
  // Before grpc-js sees the data: what it still takes itself must not be taken twice.
  call.stream.prependListener('data', (data: Buffer) => {
    const takenByGrpc = !(call.cancelled || call.stream.destroyed || call.stream.closed)
    if (takenByGrpc || broken) return
    try {
      for (const framed of call.decoder.write(data)) deliver(framed, message)
    } catch {
      // Larger than the limit: the rest of the stream cannot be framed any more.
      broken = true
    }
  })
}

/** Hands out what a cancelled call had received whole; grpc-js would drop it. */
export function takeQueued(call: CallInternals, message: (bytes: Buffer) => void): void {
  for (const { compressedMessage } of call.readQueue.splice(0)) {
    if (compressedMessage !== null) deliver(compressedMessage, message)
  }
}

/** Envoy never compresses; a compressed message at the end of a stream is not worth its code. */
function deliver(framed: Buffer, message: (bytes: Buffer) => void): void {
  if (framed[0] === 0) message(framed.subarray(FRAME_HEADER_BYTES))
}
