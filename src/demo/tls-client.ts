import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { type Exchange, encodeHeader, payload, writeAll } from './exchange.ts'
import { SocketDuplex } from './socket-duplex.ts'

export interface ClientOptions {
  /** The Envoy's listener, on 127.0.0.1. */
  readonly port: number
  /** Name to ask for; absent = a ClientHello without SNI, or plain text. */
  readonly sni?: string
  /** No TLS at all. */
  readonly plainText?: boolean
}

/** What the client saw at its TCP socket, when it has closed. */
export interface ClientResult {
  readonly sent: number
  readonly received: number
  /** Both sides ended by FIN. */
  readonly orderly: boolean
}

/**
 * One connection of an app, through its Envoy: as many exchanges as wanted, then one of three ends.
 * Failures do not throw from `end` and `abort`: `closed` tells how it went.
 */
export class TlsClient {
  /** Resolves when the TCP socket has closed, whatever closed it. */
  readonly closed: Promise<ClientResult>
  readonly #socket: Socket
  readonly #stream: Duplex
  #received = 0
  #expected = 0
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined

  constructor({ port, sni, plainText }: ClientOptions) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.closed = closing(this.#socket)
    const raw = new SocketDuplex(this.#socket)
    this.#stream =
      plainText === true
        ? raw
        : connectTls({
            socket: raw,
            // The certificate is in the repository: there is nothing to verify.
            rejectUnauthorized: false,
            ...(sni === undefined ? {} : { servername: sni }),
          })
    this.#stream.on('data', (bytes: Buffer) => this.#take(bytes.length))
    this.#stream.on('error', (error) => this.#fail(error))
    this.#stream.on('close', () => this.#fail(new Error('the connection has closed')))
  }

  /** One exchange; resolves when all has been sent and received. One at a time. */
  async exchange(exchange: Exchange): Promise<void> {
    const answered = this.#answer(exchange.download)
    // Rejects together with the write when the connection breaks; one of the two is enough.
    answered.catch(() => undefined)
    await writeAll(this.#stream, [encodeHeader(exchange)])
    await writeAll(this.#stream, payload(exchange.upload))
    await answered
  }

  /** The last exchange, with this side closed before the answer has come. */
  async halfCloseWith(exchange: Exchange): Promise<ClientResult> {
    const answered = this.#answer(exchange.download)
    answered.catch(() => undefined)
    await writeAll(this.#stream, [encodeHeader(exchange)])
    await writeAll(this.#stream, payload(exchange.upload))
    this.#stream.end()
    return this.closed
  }

  /** Ends this side and waits until the server has ended too. */
  async end(): Promise<ClientResult> {
    this.#stream.end()
    return this.closed
  }

  /** Resets the connection, whatever is under way. */
  async abort(): Promise<ClientResult> {
    this.#socket.resetAndDestroy()
    return this.closed
  }

  /** Closes without reading what has come, as a killed process does. */
  async destroy(): Promise<ClientResult> {
    this.#socket.destroy()
    return this.closed
  }

  #answer(bytes: number): Promise<void> {
    this.#expected += bytes
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.#stream.destroyed) this.#fail(new Error('the connection has closed'))
      this.#take(0)
    })
  }

  #take(bytes: number): void {
    this.#received += bytes
    if (this.#received < this.#expected) return
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}

function closing(socket: Socket): Promise<ClientResult> {
  let ended = false
  socket.once('end', () => {
    ended = true
  })
  return new Promise((resolve) => {
    socket.once('close', (hadError) => {
      const orderly = ended && !hadError && socket.writableFinished
      resolve({ sent: socket.bytesWritten, received: socket.bytesRead, orderly })
    })
  })
}
