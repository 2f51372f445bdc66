import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/**
 * A stream that is not a socket, over one. TLS on a socket proper reads and writes its handle
 * directly, past `bytesRead` and `bytesWritten`; through this they stay what the kernel gave and
 * took. Each direction ends by itself (half-close), errors and destruction pass through.
 */
export class SocketDuplex extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error === null) {
      // TLS is done before the kernel is: the other side's FIN is still on its way, and a socket
      // that is destroyed with unread bytes resets the connection.
      this.#socket.end()
      this.#socket.resume()
    } else this.#socket.destroy()
    done(error)
  }
}
