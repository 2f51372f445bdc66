import { connect, type Socket } from 'node:net'
import {
  accessLogHeaders,
  DEFAULT_WINDOW_BYTES,
  FLAG_ACK,
  FLAG_END_STREAM,
  FRAME_HEADER_BYTES,
  FrameType,
  frame,
  PREFACE,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from './http2-frame.ts'

const STREAM_ID = 1

/**
 * One TCP connection with one access log stream, speaking just enough HTTP/2 to write prebuilt frames
 * and obey flow control. node:http2 as a client would cost as much as the server under test.
 */
export class Http2Connection {
  /** Bytes of DATA that may be sent now: the smaller of both windows. */
  streamWindow = DEFAULT_WINDOW_BYTES
  connectionWindow = DEFAULT_WINDOW_BYTES
  /** True once the server has ended the stream. */
  ended = false
  /** Called when a window has grown, a write has drained, a ping came back or the stream has ended. */
  onProgress: () => void = () => undefined
  onFailure: (reason: string) => void = () => undefined
  pingsUnanswered = 0
  readonly #authority: string
  readonly #port: number
  #socket: Socket | undefined
  #rest: Buffer = Buffer.alloc(0)
  #initialWindow = DEFAULT_WINDOW_BYTES
  #closing = false
  /** True while a write still refers to the caller's buffer. */
  #blocked = false
  readonly #written = (): void => {
    if (!this.#blocked || (this.#socket as Socket).writableLength > 0) return
    this.#blocked = false
    this.onProgress()
  }

  constructor(host: string, port: number) {
    this.#authority = host
    this.#port = port
  }

  /** Resolves when the server's SETTINGS have arrived. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: this.#authority, port: this.#port, noDelay: true })
      this.#socket = socket
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.write(
          Buffer.concat([
            PREFACE,
            frame(FrameType.settings, 0, 0),
            accessLogHeaders(STREAM_ID, `${this.#authority}:${this.#port}`),
          ]),
        )
      })
      socket.once('data', () => {
        socket.off('error', reject)
        socket.on('error', (error) => this.onFailure(error.message))
        socket.on('close', () => {
          if (!this.#closing) this.onFailure('the server closed the connection')
        })
        resolve()
      })
      socket.on('data', (chunk) => this.#read(chunk))
    })
  }

  /**
   * Bytes of DATA that may be written now; 0 while the last write still refers to its buffer, or while
   * a ping is on its way.
   */
  get writable(): number {
    const socket = this.#socket as Socket
    if (socket.writableLength > 0 || this.pingsUnanswered > 0) return 0
    return Math.min(this.streamWindow, this.connectionWindow)
  }

  /**
   * Writes whole DATA frames; `flowBytes` of them count against the windows. With the default window
   * the server's WINDOW_UPDATEs pace the sender; to a server with larger windows a ping follows, so
   * that no more than this write is on its way: both kinds are loaded alike.
   */
  write(frames: Uint8Array, flowBytes: number): void {
    this.streamWindow -= flowBytes
    this.connectionWindow -= flowBytes
    const socket = this.#socket as Socket
    socket.cork()
    socket.write(frames, this.#written)
    if (this.#initialWindow > DEFAULT_WINDOW_BYTES) this.ping()
    socket.uncork()
    if (socket.writableLength > 0) this.#blocked = true
  }

  /** Asks for a ping: once it is back, the server has read everything written before. */
  ping(): void {
    this.pingsUnanswered++
    ;(this.#socket as Socket).write(frame(FrameType.ping, 0, 0, Buffer.alloc(8)))
  }

  /** Ends our side of the stream; the server answers with its status and ends it too. */
  end(): void {
    ;(this.#socket as Socket).write(frame(FrameType.data, FLAG_END_STREAM, STREAM_ID))
  }

  close(): void {
    this.#closing = true
    this.#socket?.destroy()
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(at, 3)
      const end = at + FRAME_HEADER_BYTES + length
      if (end > bytes.length) break
      this.#frame(
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes.readUInt32BE(at + 5),
        bytes.subarray(at + FRAME_HEADER_BYTES, end),
      )
      at = end
    }
    this.#rest = bytes.subarray(at)
    this.onProgress()
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.windowUpdate) {
      const grown = payload.readUInt32BE(0)
      if (streamId === 0) this.connectionWindow += grown
      else this.streamWindow += grown
    } else if (type === FrameType.settings && (flags & FLAG_ACK) === 0) {
      this.#settings(payload)
    } else if (type === FrameType.ping) {
      if ((flags & FLAG_ACK) !== 0) this.pingsUnanswered--
      else (this.#socket as Socket).write(frame(FrameType.ping, FLAG_ACK, 0, payload))
    } else if (type === FrameType.headers || type === FrameType.data) {
      if ((flags & FLAG_END_STREAM) !== 0) this.ended = true
    } else if (type === FrameType.goaway || type === FrameType.rstStream) {
      if (!this.ended && !this.#closing) this.onFailure(`the server sent frame type ${type}`)
    }
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== SETTINGS_INITIAL_WINDOW_SIZE) continue
      const size = payload.readUInt32BE(at + 2)
      this.streamWindow += size - this.#initialWindow
      this.#initialWindow = size
    }
    ;(this.#socket as Socket).write(frame(FrameType.settings, FLAG_ACK, 0))
  }
}
