import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ConnectionGate } from '../../src/runtime/connection-gate.ts'
import { PlainConnections } from '../helpers/plain-connections.ts'
import { until } from '../helpers/until.ts'

async function gated(t: TestContext, limit: number) {
  const gate = new ConnectionGate(limit)
  const seen: string[] = []
  const server: Server = createServer((socket) => {
    seen.push(socket.remoteAddress ?? '')
    socket.on('error', () => undefined).resume()
  })
  gate.guard(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const open: PlainConnections[] = []
  t.after(() => {
    for (const connections of open) connections.end()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const from = async (address: string, count: number): Promise<PlainConnections> => {
    const connections = new PlainConnections()
    open.push(connections)
    await connections.open(port, count, address)
    return connections
  }
  return { gate, seen, from }
}

test('one address gets eight ninths of the connections, and the server never sees the others', async (t) => {
  const { gate, seen, from } = await gated(t, 90)
  const greedy = await from('127.0.0.2', 100)
  await until('the rest is closed', () => greedy.closed === 20)
  assert.equal(gate.connections, 80)
  assert.equal(gate.refused, 20)
  assert.equal(seen.length, 80)
  greedy.end()
  await until('all are gone', () => gate.connections === 0)
})

test('when all are in use, a newcomer takes the newest of who holds most', async (t) => {
  const { gate, from } = await gated(t, 90)
  const greedy = await from('127.0.0.2', 100)
  await until('its share is used up', () => gate.connections === 80)
  const newcomers: PlainConnections[] = []
  for (let i = 10; i < 40; i++) newcomers.push(await from(`127.0.0.${i}`, 1))
  await until('20 had to give way', () => gate.evicted === 20 && greedy.closed === 40)
  assert.equal(gate.connections, 90)
  assert.ok(newcomers.every(({ closed }) => closed === 0))
  const again = await from('127.0.0.2', 5)
  await until('the greedy one does not get them back', () => again.closed === 5)
})

test('the bound holds whoever comes', async (t) => {
  const { gate, from } = await gated(t, 20)
  for (let i = 2; i < 42; i++) await from(`127.0.0.${i}`, 2)
  await until('all were looked at', () => gate.connections + gate.refused + gate.evicted === 80)
  assert.equal(gate.connections, 20)
})
