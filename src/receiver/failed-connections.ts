import type { Http2Server, ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { formatAddress } from '../runtime/listen-address.ts'

/** Why a connection never carried a call. */
export interface FailedConnection {
  /**
   * `not_http2`: another protocol, TLS included where the port has none; `plain_text`: no TLS where the port has
   * it; `tls_failed`: no TLS came about.
   */
  readonly status: 'not_http2' | 'plain_text' | 'tls_failed'
  /** What the library says, one of a fixed set of codes. */
  readonly detail: string
  /** `ip:port` of the caller. */
  readonly sender: string
}

/** What OpenSSL says of first bytes that are no TLS. */
const PLAIN_TEXT = /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/
const FORBIDDEN = 'HTTP/1.0 403 Forbidden\r\nConnection: close\r\n\r\n'

/**
 * Reports connections that send something and never become HTTP/2. Those that send nothing (a probe of the
 * port), or that are closed by the caller without an error, are not reported.
 */
export class FailedConnections {
  readonly #failed: (connection: FailedConnection) => void

  constructor(failed: (connection: FailedConnection) => void) {
    this.#failed = failed
  }

  /** Watches TLS. Without TLS these events never come. */
  watch(server: Http2Server): void {
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      // Node destroys a socket whose client certificate it refuses, and says ECONNRESET.
      const refused = socket.authorizationError as string | Error | null | undefined
      const code = String(refused ?? error.code ?? 'unknown')
      if (code === 'ECONNRESET' || code === 'EPIPE') return
      const status = PLAIN_TEXT.test(code) ? 'plain_text' : 'tls_failed'
      this.#failed({ status, detail: code, sender: senderOf(socket) })
    })
    server.on('unknownProtocol', (socket: TLSSocket) => {
      this.#failed({ status: 'not_http2', detail: 'no ALPN protocol h2', sender: senderOf(socket) })
      socket.end(FORBIDDEN)
    })
  }

  /** Watches a connection until its HTTP/2 settings have come. */
  follow(session: ServerHttp2Session): void {
    const sender = senderOf(session.socket)
    let hasBegun = false
    session.once('remoteSettings', () => {
      hasBegun = true
    })
    session.once('error', (error: NodeJS.ErrnoException) => {
      if (hasBegun || error.code !== 'ERR_HTTP2_ERROR') return
      this.#failed({ status: 'not_http2', detail: error.message, sender })
    })
  }
}

function senderOf({
  remoteAddress = '',
  remotePort = 0,
}: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string {
  return formatAddress({ host: remoteAddress, port: remotePort })
}
