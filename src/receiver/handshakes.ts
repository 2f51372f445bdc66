import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { ReadTurn } from './read-turns.ts'

/** Looks for connections that do not begin to speak HTTP/2 (after TLS, if there is TLS). */
export class Handshakes {
  readonly #waiting = new Map<string, { readonly socket: Socket; readonly sinceMs: number }>()
  /** The turns of those that wait. */
  readonly #turns = new Map<string, ReadTurn>()
  readonly #monotonicMs: () => number

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  /** A connection was taken. */
  began(socket: Socket): void {
    if (socket.destroyed) return
    const name = nameOf(socket)
    this.#waiting.set(name, { socket, sinceMs: this.#monotonicMs() })
    socket.once('close', () => {
      if (this.#waiting.get(name)?.socket !== socket) return
      this.#waiting.delete(name)
      this.#turns.delete(name)
    })
  }

  /** A connection is one of HTTP/2 as soon as its settings have come. */
  follow(session: ServerHttp2Session, turn: ReadTurn | undefined): void {
    const name = nameOf(session.socket)
    if (turn !== undefined) this.#turns.set(name, turn)
    session.once('remoteSettings', () => {
      this.#turns.delete(name)
      this.#waiting.delete(name)
    })
  }

  /** Whether a connection has not begun yet. */
  has(socket: Socket): boolean {
    return this.#waiting.get(nameOf(socket))?.socket === socket
  }

  /** Closes those that have waited for `timeoutMs`; gives their number. */
  close(timeoutMs: number): number {
    let closed = 0
    for (const [name, { socket, sinceMs }] of this.#waiting) {
      // The oldest come first.
      if (this.#monotonicMs() - sinceMs < timeoutMs) break
      // What it has sent may be unread.
      if (this.#turns.get(name)?.isBehind === true) continue
      this.#waiting.delete(name)
      this.#turns.delete(name)
      socket.destroy()
      closed++
    }
    return closed
  }
}

/** Both ends of TLS have the address of the TCP connection below. */
function nameOf({ remoteAddress, remotePort }: Partial<Socket>): string {
  return `${remoteAddress} ${remotePort}`
}
