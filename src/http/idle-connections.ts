import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionGate } from '../runtime/connection-gate.ts'

/**
 * Bounds the connections of an HTTP server. One that has no whole request, or none any more, gives way:
 * so a newcomer, like a probe, is always let in.
 */
export function guardIdle(server: Server, connections: ConnectionGate): void {
  const answering = new WeakMap<Socket, number>()
  const add = (socket: Socket, count: number): void =>
    void answering.set(socket, (answering.get(socket) ?? 0) + count)
  server.prependListener('request', ({ socket }, response) => {
    add(socket, 1)
    response.once('close', () => add(socket, -1))
  })
  connections.givesWay = (socket) => (answering.get(socket) ?? 0) === 0
  connections.guard(server)
}
