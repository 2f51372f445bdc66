import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectSocket } from 'node:net'

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'

/** A sender with an address of its own on this machine: any of 127.0.0.0/8. */
export class LoopbackSender {
  readonly #session: ClientHttp2Session

  constructor(port: number, localAddress: string) {
    this.#session = connect(`http://127.0.0.1:${port}`, {
      createConnection: () => connectSocket({ port, host: '127.0.0.1', localAddress }),
    })
    this.#session.on('error', () => undefined)
  }

  /** Opens an access log stream. */
  open(): ClientHttp2Stream {
    const stream = this.#session.request(
      { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    )
    stream.on('error', () => undefined).resume()
    return stream
  }

  /** Sends one gRPC message; resolves when the connection takes more. */
  async send(stream: ClientHttp2Stream, message: Buffer): Promise<void> {
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    if (!stream.write(Buffer.concat([prefix, message]))) await once(stream, 'drain')
  }

  close(): void {
    this.#session.destroy()
  }
}
