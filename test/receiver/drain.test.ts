import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

test('drain ends every stream with status OK, closes the port and resolves when all is closed', async () => {
  await using fixture = await startReceiver()
  const clients = Array.from({ length: 3 }, () => new AccessLogClient(fixture.address))
  const streams = clients.flatMap((client) => [client.open(), client.open()])
  for (const stream of streams) await stream.send(Buffer.from('x'))
  await until('all are open', () => fixture.receiver.streams === 6)
  await fixture.receiver.drain(5000)
  for (const stream of streams) assert.equal((await stream.ended).code, status.OK)
  assert.equal(fixture.receiver.streams, 0)
  assert.ok(fixture.streams.every(({ closed, messages }) => closed === 1 && messages.length === 1))
  const [host = '', port] = fixture.address.split(':')
  await assert.rejects(once(connect(Number(port), host), 'connect'), { code: 'ECONNREFUSED' })
  for (const client of clients) client[Symbol.dispose]()
})

test('what a sender has under way while its stream is ended is still counted', async () => {
  await using fixture = await startReceiver()
  const session = connectHttp2(`http://${fixture.address}`)
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
      'content-type': 'application/grpc',
    },
    { endStream: false },
  )
  const message = Buffer.from([0, 0, 0, 0, 1, 0x41])
  stream.write(message)
  await until('it is open', () => fixture.streams[0]?.messages.length === 1)
  // One half of a message before the status, the rest and more after it: like Envoy within a round trip.
  stream.write(message.subarray(0, 3))
  const drained = fixture.receiver.drain(3000)
  stream.resume()
  const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>]
  assert.equal(trailers['grpc-status'], '0')
  stream.write(Buffer.concat([message.subarray(3), message, message]))
  await until('they were counted', () => fixture.streams[0]?.messages.length === 4)
  stream.close(8)
  await drained
  assert.deepEqual(fixture.streams[0], {
    peer: fixture.streams[0]?.peer,
    messages: ['A', 'A', 'A', 'A'],
    closed: 1,
  })
  session.destroy()
})

test('a stream that is opened while draining is served and then ended with status OK', async () => {
  await using fixture = await startReceiver()
  using client = new AccessLogClient(fixture.address)
  const first = client.open()
  await first.send(Buffer.from('first'))
  // It keeps the farewell waiting: a sender that never answers.
  const stubborn = connectHttp2(`http://${fixture.address}`)
  const held = stubborn.request(
    {
      ':method': 'POST',
      ':path': '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
      'content-type': 'application/grpc',
    },
    { endStream: false },
  )
  held.on('error', () => undefined)
  stubborn.on('error', () => undefined)
  await until('both are open', () => fixture.receiver.streams === 2)
  const drained = fixture.receiver.drain(1200)
  await first.ended
  const second = client.open()
  await second.send(Buffer.from('second'))
  assert.equal((await second.ended).code, status.OK)
  await drained
  assert.equal(fixture.receiver.streams, 0)
  assert.deepEqual(fixture.streams.flatMap(({ messages }) => messages).sort(), ['first', 'second'])
  stubborn.destroy()
})

test('messages that stream in while draining are counted once, none twice', async () => {
  await using fixture = await startReceiver()
  using client = new AccessLogClient(fixture.address)
  const stream = client.open()
  let sent = 0
  const sending = (async () => {
    for (; sent < 10_000; sent++) await stream.send(Buffer.from(String(sent)))
  })().catch(() => undefined)
  await until('it is under way', () => (fixture.streams[0]?.messages.length ?? 0) > 50)
  await fixture.receiver.drain(2000)
  await Promise.race([sending, sleep(100)])
  const received = fixture.streams.flatMap(({ messages }) => messages)
  assert.ok(received.length > 50 && received.length <= sent + 1)
  assert.deepEqual(
    received,
    received.map((_, i) => String(i)),
  )
})

test('stop is safe twice and without start', async () => {
  const fixture = await startReceiver()
  await fixture.receiver.stop()
  await fixture.receiver.stop()
  const { receiver } = await startReceiver()
  await Promise.all([receiver.drain(100), receiver.stop()])
})
