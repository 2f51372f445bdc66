import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionGate } from '../runtime/connection-gate.ts'

/**
 * Bounds the connections of an HTTP server. One that has no whole request, or none any more, gives way:
 * so a newcomer, like a probe, is always let in.
 *
 * A connection gets one answer at a time. Node reads requests that are sent behind one another without
 * end, whether or not their answers are read: hundreds of them in one packet. No client of ours does
 * that, so a connection with a second request is closed; the gate counts it as refused.
 */
export function guardIdle(server: Server, connections: ConnectionGate): void {
  const answering = new WeakSet<Socket>()
  const listeners = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    if (answering.has(socket) || socket.destroyed) {
      // The rest of the packet comes here as well.
      if (!socket.destroyed) connections.refused++
      socket.destroy()
      return
    }
    answering.add(socket)
    response.once('close', () => answering.delete(socket))
    for (const listener of listeners) listener.call(server, request, response)
  })
  connections.givesWay = (socket) => !answering.has(socket)
  connections.guard(server)
}
