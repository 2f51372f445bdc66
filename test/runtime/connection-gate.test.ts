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

test('what does nothing gives way, the oldest first, to its own address and to every other', async (t) => {
  const { gate, from } = await gated(t, 9)
  gate.givesWay = () => true
  const own = await from('127.0.0.2', 8)
  await until('its share is used up', () => gate.connections === 8)
  await from('127.0.0.2', 3)
  await until('its oldest have given way', () => own.closed === 3)
  assert.deepEqual([gate.connections, gate.evicted, gate.refused], [8, 3, 0])
  // Nine addresses with one each: none holds so much that another would take its place.
  const { gate: full, from: fromMany } = await gated(t, 9)
  const first = await fromMany('127.0.0.2', 1)
  for (let i = 3; i < 11; i++) await fromMany(`127.0.0.${i}`, 1)
  await until('all are in use', () => full.connections === 9)
  const refused = await fromMany('127.0.0.11', 1)
  await until('it is refused', () => refused.closed === 1)
  full.givesWay = () => true
  const newcomer = await fromMany('127.0.0.12', 1)
  await until('the oldest has given way', () => first.closed === 1)
  assert.deepEqual([full.connections, full.evicted, full.refused, newcomer.closed], [9, 1, 1, 0])
  // Who has one that gives way itself takes nothing from the others.
  await fromMany('127.0.0.12', 1)
  await until('its own has given way', () => newcomer.closed === 1)
  assert.deepEqual([full.connections, full.evicted, full.refused], [9, 2, 1])
})
