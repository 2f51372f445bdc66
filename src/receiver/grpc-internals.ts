import type {
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { Server } from '@grpc/grpc-js'

/**
 * What we need of grpc-js beyond its API, all in this file. The version is pinned and
 * `test/receiver/grpc-internals.test.ts` fails when a field moves; without them the receiver works, with
 * small windows and without the last words of streams that it ends.
 */

/**
 * Envoy's first message alone is 63 to 79 KB, more than HTTP/2's default window of 65,535 B: every new
 * stream would be throttled at once (measured: upstream_flow_control_backed_up_total = 1). One
 * stream's window bounds what a slow reader holds per stream.
 */
const STREAM_WINDOW_BYTES = 1024 * 1024
/** Window of a connection: all worker threads of an Envoy may share one. */
const SESSION_WINDOW_BYTES = 4 * 1024 * 1024

interface ServerInternals {
  commonServerOptions?: { settings?: object }
  createHttp2Server?: (credentials: unknown) => Http2Server
}

/**
 * Gives every stream and connection of a server that is not bound yet larger windows, and returns the set
 * of its open connections. `onCall` is called for every request, also for those that grpc-js answers by
 * itself. Undefined if it cannot.
 */
export function enlargeWindows(
  server: Server,
  onCall: (headers: IncomingHttpHeaders, session: Http2Session | undefined) => void,
): ReadonlySet<ServerHttp2Session> | undefined {
  // grpc-js 1.14 has no option for them: `grpc-node.flow_control_window` is read by clients only.
  const internals = server as unknown as ServerInternals
  const { commonServerOptions: options, createHttp2Server: create } = internals
  if (options === undefined || create === undefined) return undefined
  options.settings = { ...options.settings, initialWindowSize: STREAM_WINDOW_BYTES }
  const sessions = new Set<ServerHttp2Session>()
  internals.createHttp2Server = (credentials) => {
    const http2Server = create.call(server, credentials)
    http2Server.on('session', (session) => {
      session.setLocalWindowSize(SESSION_WINDOW_BYTES)
      sessions.add(session)
      session.once('close', () => sessions.delete(session))
    })
    http2Server.on('stream', (stream, headers) => onCall(headers, stream.session))
    return http2Server
  }
  return sessions
}

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
