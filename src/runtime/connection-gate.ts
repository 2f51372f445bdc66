import type { Server, Socket } from 'node:net'
import { addressKey } from './address-key.ts'
import { FairShare } from './fair-share.ts'

/** FairShare's pool is 9/8 of what one may hold; the whole of it is the number of connections. */
const ALONE = 8 / 9

/**
 * Bounds the connections of a port, and shares them out by address: whoever holds most is refused
 * first, and when all are in use a newcomer takes the place of the newest connection of whoever holds
 * most.
 */
export class ConnectionGate {
  readonly limit: number
  /** Refused because their address holds its share. */
  refused = 0
  /** Closed to make room for an address that holds less. */
  evicted = 0
  readonly #share: FairShare
  readonly #open = new Map<string, Set<Socket>>()

  /** `limit`: connections of the port at a time, at least 1. */
  constructor(limit: number) {
    this.limit = limit
    this.#share = new FairShare(Math.max(1, Math.floor(limit * ALONE)))
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#share.total
  }

  /** Lets a server see only the connections that it has room for. */
  guard(server: Server): void {
    const listeners = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (this.#admit(socket)) for (const listener of listeners) listener.call(server, socket)
      else socket.destroy()
    })
  }

  #admit(socket: Socket): boolean {
    const key = addressKey(socket.remoteAddress ?? '')
    if (this.#share.total < this.limit ? !this.#share.hasRoom(key) : !this.#makeRoom(key)) {
      this.refused++
      return false
    }
    this.#share.take(key)
    const sockets = this.#open.get(key) ?? new Set()
    this.#open.set(key, sockets.add(socket))
    socket.once('close', () => {
      // An evicted one has left already.
      if (sockets.has(socket)) this.#leave(key, socket)
    })
    return true
  }

  /** All are in use: one of the largest gives way to somebody who holds less than half as many. */
  #makeRoom(key: string): boolean {
    const largest = this.#share.largest()
    if (largest === undefined) return true
    if (2 * (this.#share.held(key) + 1) > this.#share.held(largest)) return false
    const newest = [...(this.#open.get(largest) ?? [])].at(-1)
    if (newest === undefined) return false
    this.#leave(largest, newest)
    newest.destroy()
    this.evicted++
    return true
  }

  #leave(key: string, socket: Socket): void {
    this.#share.release(key)
    const sockets = this.#open.get(key)
    sockets?.delete(socket)
    if (sockets?.size === 0) this.#open.delete(key)
  }
}
