import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

const text = (value: string): Buffer => Buffer.from(value, 'latin1')

/** A gRPC message in its frame. */
function framed(message: Buffer, compressed = 0): Buffer {
  const header = Buffer.alloc(5)
  header[0] = compressed
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

/** A stream over bare HTTP/2, for what a gRPC client would not send. */
function bareStream(address: string, headers: Record<string, string> = {}) {
  const session = connectHttp2(`http://${address}`)
  session.on('error', () => undefined)
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    },
    { endStream: false },
  )
  stream.on('error', () => undefined)
  return { session, stream }
}

test('messages arrive in order, each stream by itself; a large one in parts', async () => {
  await using fixture = await startReceiver()
  using client = new AccessLogClient(fixture.address)
  const [a, b] = [client.open(), client.open()]
  for (const [i, stream] of [a, b, a, b, a].entries()) await stream.send(text(`m${i}`))
  await a.send(Buffer.alloc(0))
  const large = Buffer.alloc(5 * 1024 * 1024, 'x')
  await b.send(large)
  assert.equal((await a.end()).code, status.OK)
  assert.equal((await b.end()).code, status.OK)
  await until('both streams are closed', () => fixture.streams.every(({ closed }) => closed === 1))
  const received = fixture.streams.map(({ messages }) => messages)
  const ofA = received.find(([first]) => first === 'm0')
  const [first, second, ...parts] = received.find((messages) => messages !== ofA) ?? []
  assert.deepEqual(ofA, ['m0', 'm2', 'm4', ''])
  assert.deepEqual([first, second], ['m1', 'm3'])
  // All but the last end with the mark that the message goes on.
  const fields = parts.map((part, i) => part.slice(0, i < parts.length - 1 ? -2 : undefined))
  assert.ok(parts.slice(0, -1).every((part) => part.endsWith('x\u0001')))
  assert.ok(fields.every(({ length }) => length <= 64 * 1024))
  assert.equal(fields.join(''), large.toString('latin1'))
  assert.match(fixture.streams[0]?.peer ?? '', /^127\.0\.0\.1:\d+$/)
  assert.equal(await fixture.metric('snimeter_receiver_messages_total'), 7)
  assert.equal(await fixture.metric('snimeter_receiver_message_bytes_total'), 10 + large.length)
  assert.equal(await fixture.metric('snimeter_receiver_streams'), 0)
  assert.equal(await fixture.metric('snimeter_receiver_streams_opened_total'), 2)
  assert.equal(await fixture.metric('snimeter_receiver_streams_ended_total'), 2)
})

test('an error while handling a message costs that message only', async () => {
  await using fixture = await startReceiver()
  fixture.fail = (message) => {
    if (message.startsWith('bad')) throw new Error('cannot')
  }
  using client = new AccessLogClient(fixture.address)
  const stream = client.open()
  for (const message of ['one', 'bad1', 'two', 'bad2', 'three']) await stream.send(text(message))
  assert.equal((await stream.end()).code, status.OK)
  assert.deepEqual(fixture.streams[0]?.messages, ['one', 'two', 'three'])
  assert.equal(await fixture.metric('snimeter_receiver_handler_errors_total'), 2)
  const logged = fixture.logger.lines.map(({ message }) => message)
  assert.deepEqual(logged, ['a message could not be handled'])
})

test('a message above the limit ends its stream and no other, and is counted', async () => {
  await using fixture = await startReceiver({ maxMessageBytes: 64 * 1024 })
  using client = new AccessLogClient(fixture.address)
  const other = client.open()
  await other.send(text('before'))
  const stream = client.open()
  await stream.send(Buffer.alloc(64 * 1024))
  await stream.send(Buffer.alloc(64 * 1024 + 1)).catch(() => undefined)
  assert.equal((await stream.ended).code, status.RESOURCE_EXHAUSTED)
  await other.send(text('after'))
  assert.equal((await other.end()).code, status.OK)
  await until('both streams are closed', () => fixture.receiver.streams === 0)
  assert.equal(await fixture.metric('snimeter_receiver_oversized_messages_total'), 1)
  assert.deepEqual(
    fixture.streams.map(({ messages, closed }) => `${messages.length} ${closed}`).sort(),
    ['1 1', '2 1'],
  )
})

test('messages in the packet in which one above the limit begins are handled', async () => {
  await using fixture = await startReceiver({ maxMessageBytes: 64 * 1024, messageTimeoutMs: 1000 })
  const large = framed(Buffer.alloc(64 * 1024 + 1))
  // Only its head; and so much of it that it is refused as soon as the others are handled.
  for (const [round, bytes] of [5, large.length].entries()) {
    const { session, stream } = bareStream(fixture.address)
    stream.write(Buffer.concat([framed(text('a')), framed(text('b')), large.subarray(0, bytes)]))
    await until('the stream is closed', () => fixture.streams[round]?.closed === 1)
    session.destroy()
  }
  assert.deepEqual(
    fixture.streams.map(({ messages }) => messages),
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  )
  assert.equal(await fixture.metric('snimeter_receiver_oversized_messages_total'), 1)
})

test('a stream that is reset or cut in the middle of a message is closed, whole messages count', async () => {
  await using fixture = await startReceiver()
  for (const [round, cut] of ['reset', 'cut'].entries()) {
    const { session, stream } = bareStream(fixture.address)
    const message = framed(text('whole'))
    stream.write(Buffer.concat([message, message, message.subarray(0, 7)]))
    await until('two messages are there', () => fixture.streams[round]?.messages.length === 2)
    if (cut === 'reset') stream.close(8)
    else session.destroy()
    await until('the stream is closed', () => fixture.streams[round]?.closed === 1)
    session.destroy()
  }
  assert.deepEqual(
    fixture.streams.map(({ messages }) => messages),
    [
      ['whole', 'whole'],
      ['whole', 'whole'],
    ],
  )
  assert.equal(fixture.receiver.streams, 0)
})

test('messages of one packet that a reset follows at once are all handled', async () => {
  await using fixture = await startReceiver()
  for (let round = 0; round < 20; round++) {
    const { session, stream } = bareStream(fixture.address)
    await once(session, 'connect')
    stream.write(Buffer.concat(Array.from({ length: 50 }, (_, i) => framed(text(`${i}`)))), () =>
      stream.close(8),
    )
    await until('the stream is closed', () => fixture.streams[round]?.closed === 1)
    session.destroy()
    assert.equal(fixture.streams[round]?.messages.length, 50)
  }
})

test('garbage, HTTP/1, other methods and other content do no harm', async () => {
  await using fixture = await startReceiver()
  const sent = async (bytes: string | Buffer): Promise<void> => {
    const [host = '', port] = fixture.address.split(':')
    const socket: Socket = connect(Number(port), host)
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(bytes)
    await once(socket, 'close')
  }
  await sent('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await sent(Buffer.alloc(10_000, 0xff))
  await sent('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.padEnd(200, 'x'))
  using unknown = new AccessLogClient(fixture.address, { path: '/some.Service/Method' })
  assert.equal((await unknown.open().end()).code, status.UNIMPLEMENTED)
  const { session, stream } = bareStream(fixture.address, { 'content-type': 'text/plain' })
  const [headers] = (await once(stream, 'response')) as [{ ':status': number }]
  assert.equal(headers[':status'], 415)
  session.destroy()

  using client = new AccessLogClient(fixture.address)
  const good = client.open()
  await good.send(text('good'))
  assert.equal((await good.end()).code, status.OK)
  assert.deepEqual(
    fixture.streams.map(({ messages }) => messages),
    [['good']],
  )
})

test('compressed messages are read, in order', async () => {
  await using fixture = await startReceiver()
  const { session, stream } = bareStream(fixture.address, { 'grpc-encoding': 'gzip' })
  stream.write(
    Buffer.concat([
      framed(gzipSync('first'), 1),
      framed(text('second')),
      framed(gzipSync('third'), 1),
    ]),
  )
  await until('all are there', () => fixture.streams[0]?.messages.length === 3)
  assert.deepEqual(fixture.streams[0]?.messages, ['first', 'second', 'third'])
  session.destroy()
})

test('a stream without a message costs nothing but its place', async () => {
  await using fixture = await startReceiver()
  const idle = Array.from({ length: 5 }, () => new AccessLogClient(fixture.address))
  const streams = idle.flatMap((client) => Array.from({ length: 40 }, () => client.open()))
  await until('all are open', () => fixture.receiver.streams === 200)
  for (const stream of streams) stream.cancel()
  await until('all are closed', () => fixture.receiver.streams === 0)
  assert.ok(fixture.streams.every(({ closed }) => closed === 1))
  for (const client of idle) client[Symbol.dispose]()
})

test('a second receiver on the port is refused with what the system said', async () => {
  await using fixture = await startReceiver()
  await assert.rejects(startReceiver({ listen: fixture.address }), {
    code: 'listen_failed',
    message: new RegExp(`^cannot listen on ${fixture.address} for access logs \\(.*EADDRINUSE`),
  })
})

test('streams end with status OK at their age, and the sender can open the next', async () => {
  await using fixture = await startReceiver({ maxStreamAgeMs: 100 })
  using client = new AccessLogClient(fixture.address)
  for (const name of ['first', 'second']) {
    const stream = client.open()
    await stream.send(text(name))
    assert.equal((await stream.ended).code, status.OK)
  }
  assert.deepEqual(
    fixture.streams.map(({ messages }) => messages),
    [['first'], ['second']],
  )
})
