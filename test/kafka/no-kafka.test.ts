import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { freePort } from '../helpers/free-port.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { kafkaConfig, someEvent } from './events.ts'
import { openSockets, openTimers } from './resources.ts'

test('nothing that listens is told in one line, and 200 attempts leave nothing behind', async (t) => {
  const address = `127.0.0.1:${await freePort()}`
  const sink = sinkOf(t, [address])
  const before = openSockets()
  for (let i = 0; i < 200; i++) {
    assert.equal(
      await messageOf(sink),
      `${address}: nothing listens there; check kafka.brokers and whether the broker runs`,
    )
  }
  await until('its sockets are closed', () => openSockets() <= before)
  assert.ok(openTimers() < 5, `${openTimers()} timers`)
})

test('memory does not grow while the broker is away, and the process ends by itself', async () => {
  const script = fileURLToPath(new URL('./unreachable-probe.ts', import.meta.url))
  const args = ['--expose-gc', script, String(await freePort())]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
  // 1,000 attempts; what each would have to leave behind to matter over a weekend is a few kB.
  assert.ok(Number(stdout) < 1_000_000, `${stdout} bytes`)
})

test('each of several brokers is told, in one line', async (t) => {
  const addresses = [`127.0.0.1:${await freePort()}`, 'broker.invalid:9092']
  assert.equal(
    await messageOf(sinkOf(t, addresses)),
    `${addresses[0]}: nothing listens there; check kafka.brokers and whether the broker runs; ` +
      'broker.invalid:9092: there is no such host; check kafka.brokers',
  )
})

test('a host that does not exist is told in one line', async (t) => {
  assert.equal(
    await messageOf(sinkOf(t, ['broker.invalid:9092'])),
    'broker.invalid:9092: there is no such host; check kafka.brokers',
  )
})

test('a file that is missing is named', async (t) => {
  const tls = { enabled: true, caFile: '/nowhere/ca.pem', certFile: '', keyFile: '' }
  assert.match(
    await messageOf(sinkOf(t, ['127.0.0.1:1'], { tls })),
    /^kafka\.tls\.ca_file cannot be read: ENOENT/,
  )
})

const servers: Readonly<Record<string, [(socket: Socket) => void, RegExp]>> = {
  'is silent': [() => undefined, /^no acknowledgement within 0\.3 s; /],
  'closes at once': [(socket) => socket.end(), /: the broker closed the connection; /],
  'resets at once': [(socket) => socket.resetAndDestroy(), /: the broker closed the connection; /],
  'resets at the first request': [
    (socket) => socket.once('data', () => socket.resetAndDestroy()),
    /: the broker closed the connection; /,
  ],
  'speaks another protocol': [
    (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    /^no acknowledgement within 0\.3 s; /,
  ],
  'answers what was not asked': [
    (socket) => socket.write(Buffer.from([0, 0, 0, 8, 0, 0, 9, 9, 0, 0, 0, 0])),
    /: (the broker closed the connection|Received unexpected response)/,
  ],
}

for (const [what, [onConnection, message]] of Object.entries(servers)) {
  for (const mechanism of ['none', 'scram-sha-512'] as const) {
    test(`a server that ${what} costs an attempt and nothing else (SASL: ${mechanism})`, async (t) => {
      const address = await listen(t, onConnection)
      const before = openSockets()
      const sasl = { mechanism, username: 'u', password: 'secret', passwordFile: '' }
      const sink = sinkOf(t, [address], { sasl, requestTimeoutMs: 300 })
      for (let i = 0; i < 3; i++) {
        const text = await messageOf(sink)
        assert.match(text, message)
        assert.doesNotMatch(text, /secret|\n/)
      }
      await sink.stop()
      await until('its sockets are closed', () => openSockets() <= before)
    })
  }
}

test('a bootstrap broker that hangs is not asked first for ever', async (t) => {
  let asked = 0
  const silent = await listen(t, () => undefined)
  const second = await listen(t, (socket) => {
    asked++
    socket.end()
  })
  const sink = sinkOf(t, [silent, second], { requestTimeoutMs: 200 })
  for (let i = 0; i < 2; i++) await messageOf(sink)
  assert.ok(asked > 0)
})

function sinkOf(
  t: TestContext,
  brokers: readonly string[],
  overrides: Partial<KafkaConfig> = {},
): KafkaSink {
  const sink = new KafkaSink(kafkaConfig(brokers, 'topic', overrides), { logger: memoryLogger() })
  t.after(() => sink.stop())
  return sink
}

/** Publishes one event and gives why it is to be sent again. */
async function messageOf(sink: KafkaSink): Promise<string> {
  const [delivery] = await sink.publish([someEvent('cart', 0)])
  assert.equal(delivery?.kind, 'retry')
  return delivery.message
}

async function listen(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)))
    socket.resume()
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
