import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { Server } from '@grpc/grpc-js'
import type { ReadHandle } from './read-turns.ts'

/**
 * What we need of grpc-js's server beyond its API. The version is pinned and
 * `test/receiver/grpc-internals.test.ts` fails when a field moves; without them the receiver works, with
 * small windows and without bounds on connections and calls.
 */

/**
 * Envoy's first message alone is 63 to 79 KB, more than HTTP/2's default window of 65,535 B: every new
 * stream would be throttled at once (measured: upstream_flow_control_backed_up_total = 1). One
 * stream's window bounds what a slow reader holds per stream.
 */
const STREAM_WINDOW_BYTES = 1024 * 1024
/** Window of a connection: all worker threads of an Envoy may share one. */
const SESSION_WINDOW_BYTES = 4 * 1024 * 1024

/** Other calls (health) have small messages; access logs are not read by grpc-js. */
const OTHER_MESSAGE_BYTES = 4096

interface ServerInternals {
  options?: Record<string, unknown>
  commonServerOptions?: { settings?: object }
  createHttp2Server?: (credentials: unknown) => Http2Server
  _streamHandler?: (interceptors: unknown, ...call: ArrivingCall) => void
}

type ArrivingCall = [stream: ServerHttp2Stream, headers: IncomingHttpHeaders]

/**
 * The end of a connection that reads: Node has no API to stop a connection of HTTP/2 itself, only its
 * streams. Undefined if it is not where we know it.
 */
export function readHandleOf(session: ServerHttp2Session): ReadHandle | undefined {
  const { _handle: handle } = session.socket as { _handle?: Partial<ReadHandle> | null }
  if (typeof handle?.readStop !== 'function' || typeof handle.readStart !== 'function')
    return undefined
  return handle as ReadHandle
}

/** Who looks at what arrives before grpc-js does. */
export interface ServerHooks {
  /** The server, before it listens. */
  listening(server: Http2Server): void
  /** A connection that speaks HTTP/2. */
  connected(session: ServerHttp2Session): void
  /** A call; false if it was answered here. */
  called(...call: ArrivingCall): boolean
}

/**
 * Gives every stream and connection of a server that is not bound yet larger windows, and shows what
 * arrives to `hooks`. False, and nothing is changed, if grpc-js is not the one we know.
 */
export function openUp(server: Server, hooks: ServerHooks): boolean {
  // grpc-js 1.14 has no option for them: `grpc-node.flow_control_window` is read by clients only.
  const internals = server as unknown as ServerInternals
  const { commonServerOptions: options, createHttp2Server: create } = internals
  const handle = internals._streamHandler
  if (options === undefined || create === undefined || handle === undefined) return false
  if (internals.options === undefined) return false
  internals.options['grpc.max_receive_message_length'] = OTHER_MESSAGE_BYTES
  options.settings = { ...options.settings, initialWindowSize: STREAM_WINDOW_BYTES }
  internals._streamHandler = (interceptors, ...call) => {
    if (hooks.called(...call)) handle.call(server, interceptors, ...call)
  }
  internals.createHttp2Server = (credentials) => {
    const http2Server = create.call(server, credentials)
    http2Server.on('session', (session) => {
      session.setLocalWindowSize(SESSION_WINDOW_BYTES)
      hooks.connected(session)
    })
    hooks.listening(http2Server)
    return http2Server
  }
  return true
}
