import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'

const ACCESS_LOGS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'

export interface BareSenderOptions {
  readonly port: number
  /** 127.x.y.z: the sender that the receiver sees. */
  readonly address?: string
}

/** A sender over bare HTTP/2, with flow control: it does what no gRPC client would. */
export class BareSender {
  readonly session: ClientHttp2Session

  constructor({ port, address = '127.0.0.1' }: BareSenderOptions) {
    this.session = connect(`http://127.0.0.1:${port}`, {
      createConnection: () => connectTcp({ port, host: '127.0.0.1', localAddress: address }),
    })
    this.session.on('error', () => undefined)
  }

  /** A call that stays open. */
  call(headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    const stream = this.session.request(
      {
        ':method': 'POST',
        ':path': ACCESS_LOGS,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      },
      { endStream: false },
    )
    return stream.on('error', () => undefined).resume()
  }

  close(): void {
    this.session.destroy()
  }
}

/** The frame header of a gRPC message. */
export function frameHeader(size: number, compressed = 0): Buffer {
  const header = Buffer.alloc(5)
  header[0] = compressed
  header.writeUInt32BE(size, 1)
  return header
}

/** A gRPC message in its frame. */
export function framed(message: Buffer, compressed = 0): Buffer {
  return Buffer.concat([frameHeader(message.length, compressed), message])
}

/** The gRPC status that a call ends with; `undefined` if it is reset without one. */
export async function statusOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  let code: number | undefined
  const read = (headers: { readonly 'grpc-status'?: unknown }): void => {
    const given = headers['grpc-status']
    if (given !== undefined) code = Number(given)
  }
  stream.on('response', read).on('trailers', read)
  await new Promise<void>((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', () => resolve())
  })
  return code
}
