import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand as snimeter } from '../helpers/command.ts'
import { freePort } from '../helpers/free-port.ts'
import { startBroker } from '../helpers/kafka/broker.ts'

test('check-config --connect says that there is nothing to connect to, and exits 0', async () => {
  const { code, stdout, stderr } = await snimeter(['check-config', '--connect'])
  assert.equal(code, 0)
  assert.equal(stdout, '')
  assert.equal(
    stderr,
    'the configuration is valid\nno Kafka brokers are configured: there is nothing to connect to\n',
  )
})

test('check-config --connect tells each broker that cannot be reached, and exits 1', async () => {
  const address = `127.0.0.1:${await freePort()}`
  const { code, stdout, stderr } = await check(`${address},broker.invalid:9092`)
  assert.equal(code, 1)
  assert.equal(
    stdout,
    `wrong  broker ${address}: nothing listens there; check kafka.brokers and whether the broker runs\n` +
      'wrong  broker broker.invalid:9092: there is no such host; check kafka.brokers\n',
  )
  assert.equal(
    stderr,
    'the configuration is valid\nsnimeter: events would not arrive: 2 of 2 checks failed\n',
  )
})

test('check-config --connect asks a real broker', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const { address } = broker

  await t.test('a topic that nobody has made is wrong', async () => {
    const { code, stdout } = await check(address)
    assert.equal(code, 1)
    assert.equal(
      stdout,
      `ok     broker ${address}: answers without encryption\n` +
        'wrong  topic snimeter.usage.v1: does not exist; create it, or set kafka.create_topic.enabled: true\n',
    )
  })

  await t.test('unless we shall make it', async () => {
    const { code, stdout } = await check(address, { SNIMETER_KAFKA_CREATE_TOPIC_ENABLED: 'true' })
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^note {3}topic snimeter\.usage\.v1: does not exist; it will be made with 12/m,
    )
  })

  await t.test('a good topic is told with its size, and nothing is written', async () => {
    await broker.createTopic('snimeter.usage.v1', { partitions: 3 })
    const { code, stdout } = await check(address)
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `ok     broker ${address}: answers without encryption\n` +
        'ok     topic snimeter.usage.v1: 3 partitions, 1 replica\n' +
        'ok     topic snimeter.usage.v1: may be written to\n' +
        'note   topic snimeter.usage.v1: has 1 replica (min.insync.replicas is 1): events that were acknowledged are lost with its broker; give it 3 replicas and min.insync.replicas=2; for a trial it may stay so\n',
    )
    const offsets = await broker.withAdmin((admin) =>
      admin.listOffsets({
        topics: [
          {
            name: 'snimeter.usage.v1',
            partitions: [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: -1n })),
          },
        ],
      }),
    )
    assert.ok(offsets[0]?.partitions.every(({ offset }) => offset === 0n))
  })

  await t.test('settings that would lose events are told', async () => {
    await broker.createTopic('compacted', { config: { 'cleanup.policy': 'compact' } })
    const { code, stdout } = await check(address, { SNIMETER_KAFKA_TOPIC: 'compacted' })
    assert.equal(code, 1)
    assert.match(stdout, /^wrong {2}topic compacted: is compacted: /m)
    await broker.createTopic('short', { config: { 'retention.ms': String(7 * 86_400_000) } })
    const short = await check(address, { SNIMETER_KAFKA_TOPIC: 'short' })
    assert.equal(short.code, 0)
    assert.match(short.stdout, /^note {3}topic short: keeps events for 7 days, less than/m)
    await broker.createTopic('hour', { config: { 'retention.ms': '3600000' } })
    const hour = await check(address, { SNIMETER_KAFKA_TOPIC: 'hour' })
    assert.equal(hour.code, 1)
    assert.match(hour.stdout, /^wrong {2}topic hour: keeps events for 1 hour, less than/m)
  })

  await t.test('brokers that the cluster advertises are asked too', async () => {
    const [host, port] = address.split(':')
    const { code, stdout } = await check(`localhost:${port}`, {
      SNIMETER_KAFKA_TOPIC: 'short',
    })
    assert.equal(code, 0)
    assert.match(
      stdout,
      new RegExp(`^ok {5}broker ${host}:${port} \\(advertised by the cluster\\): `, 'm'),
    )
  })
})

async function check(
  brokers: string,
  env: Record<string, string> = {},
): ReturnType<typeof snimeter> {
  return snimeter(['check-config', '--connect'], { SNIMETER_KAFKA_BROKERS: brokers, ...env })
}
