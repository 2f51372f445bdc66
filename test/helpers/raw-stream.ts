import { connect, type Socket } from 'node:net'
import { accessLogHeaders, FrameType, frame, PREFACE } from '../bench/http2-frame.ts'

const STREAM = 1

/**
 * An access log stream on a TCP connection of its own, with every byte under control: it can stop
 * in the middle of anything. It obeys no flow control: no more than 64 KiB.
 */
export class RawStream {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => undefined).resume()
  }

  /** Resolves when the server has answered the first bytes. */
  static async open(port: number): Promise<RawStream> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise((resolve, reject) => {
      socket.once('error', reject).once('connect', resolve)
    })
    const settings = frame(FrameType.settings, 0, 0)
    socket.write(Buffer.concat([PREFACE, settings, accessLogHeaders(STREAM, 'snimeter')]))
    await new Promise((resolve, reject) => {
      socket.once('error', reject).once('data', resolve)
    })
    return new RawStream(socket)
  }

  /** Sends the beginning of a gRPC message that says it is longer. */
  async sendPart(message: Buffer, bytes: number): Promise<void> {
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    const data = Buffer.concat([prefix, message.subarray(0, bytes)])
    await this.sendBytes(frame(FrameType.data, 0, STREAM, data))
  }

  /** Sends anything. */
  async sendBytes(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(bytes, () => resolve())
    })
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }
}
