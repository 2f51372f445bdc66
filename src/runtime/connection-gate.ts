import type { Server, Socket } from 'node:net'
import { addressKey } from './address-key.ts'
import { type FairShare, wholePool } from './fair-share.ts'

/**
 * Bounds the connections of a port, and shares them out by address: whoever holds most is refused
 * first, and when all are in use a newcomer takes the place of the newest connection of whoever holds
 * most. Where a server says which connections give way (they do nothing), the oldest of those leave
 * first, and for a newcomer of any address.
 */
export class ConnectionGate {
  readonly limit: number
  /** Refused because their address holds its share. */
  refused = 0
  /** Closed to make room for an address that holds less. */
  evicted = 0
  readonly #share: FairShare
  readonly #open = new Map<string, Set<Socket>>()

  /** All that are open, oldest first, with their keys. */
  readonly #all = new Map<Socket, string>()
  /** Whether a connection may be closed for any newcomer: nothing is lost with it. */
  givesWay: (socket: Socket) => boolean = () => false

  /** `limit`: connections of the port at a time, at least 1. */
  constructor(limit: number) {
    this.limit = limit
    this.#share = wholePool(limit)
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
    const hasRoom = this.#share.total < this.limit ? this.#share.hasRoom(key) : this.#makeRoom(key)
    if (!hasRoom && !this.#replace(key)) {
      this.refused++
      return false
    }
    this.#share.take(key)
    const sockets = this.#open.get(key) ?? new Set()
    this.#open.set(key, sockets.add(socket))
    this.#all.set(socket, key)
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
    const sockets = [...(this.#open.get(largest) ?? [])]
    return this.#evict(sockets.find(this.givesWay) ?? sockets.at(-1))
  }

  /** The oldest connection that gives way is closed: one of the same address, else any if all are in use. */
  #replace(key: string): boolean {
    const own = this.#open.get(key)?.values().find(this.givesWay)
    if (own !== undefined || this.#share.total < this.limit) return this.#evict(own)
    return this.#evict(this.#all.keys().find(this.givesWay))
  }

  #evict(socket: Socket | undefined): boolean {
    const key = socket && this.#all.get(socket)
    if (socket === undefined || key === undefined) return false
    this.#leave(key, socket)
    socket.destroy()
    this.evicted++
    return true
  }

  #leave(key: string, socket: Socket): void {
    this.#share.release(key)
    this.#all.delete(socket)
    const sockets = this.#open.get(key)
    sockets?.delete(socket)
    if (sockets?.size === 0) this.#open.delete(key)
  }
}
