import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { KafkaSink, type KafkaSinkDependencies } from '../../src/kafka/kafka-sink.ts'
import type { Delivery, Sink } from '../../src/model/sink.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { kafkaConfig, someEvent, someEvents } from './events.ts'
import { openSockets } from './resources.ts'

const ACKNOWLEDGED: Delivery = { kind: 'acknowledged' }

test('publishes to a real broker', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const { address } = broker

  const sinkOf = (
    topic: string,
    overrides: Partial<KafkaConfig> = {},
    deps: Partial<KafkaSinkDependencies> = {},
  ): KafkaSink => {
    const sink = new KafkaSink(kafkaConfig([address], topic, overrides), {
      logger: memoryLogger(),
      ...deps,
    })
    t.after(() => sink.stop())
    return sink
  }
  const idsIn = async (topic: string): Promise<string[]> =>
    (await readTopic(address, topic)).map(({ value }) => JSON.parse(value).id)

  await t.test(
    'in order per key, spread over the partitions, stamped with the time of sending',
    async () => {
      await broker.createTopic('plain', { partitions: 4 })
      const events = someEvents(200, ['cart', 'checkout', 'search', 'mail', 'ads'])
      const sink = sinkOf('plain', {}, { wallMs: () => 1_700_000_000_123 })
      assert.deepEqual((await publishAll(sink, events)).deliveries, acknowledged(events))
      const records = await readTopic(address, 'plain')
      assert.deepEqual(
        new Set(records.map(({ timestamp }) => timestamp)),
        new Set([1_700_000_000_123n]),
      )
      for (const workload of ['cart', 'checkout', 'search', 'mail', 'ads']) {
        const key = `mesh/shop/Deployment/${workload}`
        const theirs = records.filter((record) => record.key === key)
        assert.equal(new Set(theirs.map(({ partition }) => partition)).size, 1)
        assert.deepEqual(
          theirs.map(({ value }) => JSON.parse(value).id),
          events.filter(({ partitionkey }) => partitionkey === key).map(({ id }) => id),
        )
      }
    },
  )

  await t.test('nothing without events', async () => {
    assert.deepEqual(await sinkOf('plain').publish([]), [])
  })

  await t.test('all but the record that the topic does not take, in order', async () => {
    await broker.createTopic('small', { config: { 'max.message.bytes': '3000' } })
    const events = someEvents(20, ['cart'])
    events[7] = someEvent('cart', 7, 'x'.repeat(4000))
    const { deliveries } = await publishAll(sinkOf('small'), events)
    assert.deepEqual(
      deliveries.flatMap(({ kind }, i) => (kind === 'acknowledged' ? [] : [i])),
      [7],
    )
    assert.deepEqual(deliveries[7], {
      kind: 'refused',
      reason: 'message_too_large',
      message: "the record is larger than the topic takes; raise the topic's max.message.bytes",
    })
    assert.deepEqual(
      await idsIn('small'),
      events.filter((_, i) => i !== 7).map(({ id }) => id),
    )
  })

  await t.test('a clock that is wrong refuses nothing for ever', async () => {
    await broker.createTopic('punctual', { config: { 'message.timestamp.after.max.ms': '1000' } })
    await untilMessage(
      sinkOf('punctual', {}, { wallMs: () => Date.now() + 3_600_000 }),
      'our clock differs too much from that of the broker; set both by NTP',
    )
  })

  await t.test(
    'an unknown topic is refused once it stays unknown, and used once it is there',
    async () => {
      let nowMs = 0
      const sink = sinkOf('later', {}, { monotonicMs: () => nowMs })
      const events = [someEvent('cart', 0)]
      const message =
        'the topic later does not exist; create it, or set kafka.create_topic.enabled: true'
      assert.deepEqual(await sink.publish(events), [{ kind: 'retry', message }])
      nowMs = 9999
      assert.deepEqual(await sink.publish(events), [{ kind: 'retry', message }])
      nowMs = 10_000
      const refused = { kind: 'refused', reason: 'topic_unknown', message }
      assert.deepEqual(await sink.publish(events), [refused])
      await broker.createTopic('later')
      assert.deepEqual((await publishAll(sink, events)).deliveries, [ACKNOWLEDGED])
    },
  )

  await t.test('a topic that is deleted and made again is found again', async () => {
    await broker.createTopic('again')
    const sink = sinkOf('again')
    const events = someEvents(3, ['cart'])
    assert.deepEqual((await publishAll(sink, events)).deliveries, acknowledged(events))
    await broker.withAdmin((admin) => admin.deleteTopics({ topics: ['again'] }))
    await until(
      'the loss is noticed',
      async () => (await sink.publish(events))[0]?.kind === 'retry',
    )
    await broker.createTopic('again', { partitions: 3 })
    await publishAll(sink, events)
    assert.deepEqual(new Set(await idsIn('again')), new Set(events.map(({ id }) => id)))
  })

  await t.test(
    'makes the topic where that is wanted, and leaves one that exists as it is',
    async () => {
      const logger = memoryLogger()
      const createTopic = {
        enabled: true,
        partitions: 3,
        replicationFactor: 1,
        retentionMs: 40 * 24 * 3_600_000,
      }
      await publishAll(sinkOf('made', { createTopic }, { logger }), [someEvent('cart', 0)])
      const settings = await broker.withAdmin(async (admin) => {
        const [topic] = await admin.describeConfigs({
          resources: [{ resourceType: 2, resourceName: 'made' }],
        })
        return new Map(topic?.configs.map(({ name, value }) => [name, value]))
      })
      assert.equal(settings.get('retention.ms'), String(40 * 24 * 3_600_000))
      assert.equal(settings.get('cleanup.policy'), 'delete')
      assert.equal(settings.get('min.insync.replicas'), '1')
      assert.equal(settings.get('message.timestamp.type'), 'CreateTime')
      const other = { ...createTopic, partitions: 5 }
      await publishAll(sinkOf('made', { createTopic: other }, { logger }), [someEvent('cart', 1)])
      assert.deepEqual(logger.lines, [
        { level: 'info', message: 'the topic was made', fields: { topic: 'made' } },
        {
          level: 'info',
          message: 'connected to Kafka',
          fields: { topic: 'made', partitions: 3, replicas: 1 },
        },
        {
          level: 'info',
          message: 'connected to Kafka',
          fields: { topic: 'made', partitions: 3, replicas: 1 },
        },
        {
          level: 'warn',
          message: 'the topic differs from kafka.create_topic and is left as it is',
          fields: {
            topic: 'made',
            partitions: 3,
            replicas: 1,
            configured_partitions: 5,
            configured_replicas: 1,
          },
        },
      ])
    },
  )

  await t.test('a topic that cannot be made says why', async () => {
    const createTopic = { enabled: true, partitions: 1, replicationFactor: 3, retentionMs: 1 }
    const [delivery] = await sinkOf('three', { createTopic }).publish([someEvent('cart', 0)])
    assert.deepEqual(delivery, {
      kind: 'retry',
      message:
        'the topic three cannot be made with 3 replicas: there are not that many brokers; lower kafka.create_topic.replication_factor',
    })
  })

  await t.test('a broker that hangs costs the deadline and no event', async () => {
    await broker.createTopic('frozen', { partitions: 2 })
    const sink = sinkOf('frozen', { requestTimeoutMs: 500 })
    const events = someEvents(50, ['cart', 'mail', 'ads'])
    await publishAll(sink, [someEvent('warm', 0)])
    broker.freeze()
    try {
      const startMs = performance.now()
      const deliveries = await sink.publish(events)
      assert.ok(performance.now() - startMs < 3000)
      assert.ok(deliveries.every(({ kind }) => kind === 'retry'))
      assert.match(messageOf(deliveries), /^no acknowledgement within 0.5 s; /)
      // A fresh connection is accepted by the kernel and never answered.
      assert.equal((await sink.publish(events))[0]?.kind, 'retry')
    } finally {
      broker.thaw()
    }
    await publishAll(sink, events)
    assert.deepEqual(firstOccurrences(await idsIn('frozen')).size, 51)
  })

  await t.test('a stop while a broker hangs is prompt and leaves nothing behind', async () => {
    const before = openSockets()
    const sink = sinkOf('frozen', { requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 })
    broker.freeze()
    try {
      const publishing = sink.publish(someEvents(50, ['cart']))
      await until('it has connected', () => openSockets() > before)
      const startMs = performance.now()
      await sink.stop()
      const deliveries = await publishing
      assert.ok(performance.now() - startMs < 1000)
      assert.equal(messageOf(deliveries), 'the sink is stopped')
      await until('its sockets are closed', () => openSockets() <= before)
    } finally {
      broker.thaw()
    }
    assert.equal(messageOf(await sink.publish([someEvent('cart', 0)])), 'the sink is stopped')
    await sink.stop()
  })

  await t.test('a connection that is lost does not blame the configuration', async () => {
    const sink = sinkOf('frozen')
    await publishAll(sink, [someEvent('cart', 0)])
    broker.freeze()
    const publishing = sink.publish([someEvent('cart', 1)])
    await broker.kill()
    const message = messageOf(await publishing)
    await broker.start()
    assert.equal(
      message,
      `${address}: the connection was lost; check whether the broker still runs, and the network`,
    )
  })

  await t.test('a broker that is killed and started again loses nothing, in order', async () => {
    await broker.createTopic('killed', { partitions: 3 })
    const sink = sinkOf('killed', { requestTimeoutMs: 2000 })
    const events = someEvents(3000, ['cart', 'mail', 'ads', 'search'])
    let restarted: Promise<void> | undefined
    let retries = 0
    for (let at = 0; at < events.length; at += 100) {
      if (at === 1000) restarted = broker.kill().then(async () => broker.start())
      const { attempts } = await publishAll(sink, events.slice(at, at + 100))
      retries += attempts - 1
    }
    await restarted
    assert.ok(retries > 0, 'no send met the loss')
    const records = await readTopic(address, 'killed')
    for (const workload of ['cart', 'mail', 'ads', 'search']) {
      const key = `mesh/shop/Deployment/${workload}`
      const ids = records
        .filter((record) => record.key === key)
        .map(({ value }) => JSON.parse(value).id)
      assert.deepEqual(
        [...firstOccurrences(ids)],
        events.filter(({ partitionkey }) => partitionkey === key).map(({ id }) => id),
      )
    }
  })
})

/**
 * Publishes what is to be sent again, in order, until nothing is left, as the relay does. A topic that
 * was just made may have no leader that knows it.
 */
async function publishAll(
  sink: Sink,
  events: readonly CloudEvent[],
): Promise<{ readonly deliveries: readonly Delivery[]; readonly attempts: number }> {
  const deliveries: Delivery[] = []
  let open = events.map((event, index) => ({ event, index }))
  let attempts = 0
  await until('everything is settled', async () => {
    attempts++
    const answers = await sink.publish(open.map(({ event }) => event))
    open.forEach(({ index }, i) => {
      deliveries[index] = answers[i] as Delivery
    })
    open = open.filter((_, i) => answers[i]?.kind === 'retry')
    return open.length === 0
  })
  return { deliveries, attempts }
}

const acknowledged = (events: readonly CloudEvent[]): Delivery[] => events.map(() => ACKNOWLEDGED)

async function untilMessage(sink: Sink, message: string): Promise<void> {
  const event = someEvent('cart', 0)
  await until(message, async () => messageOf(await sink.publish([event])) === message)
}

function messageOf(deliveries: readonly Delivery[]): string {
  const [delivery] = deliveries
  assert.equal(delivery?.kind, 'retry')
  return delivery.message
}

const firstOccurrences = (ids: readonly string[]): Set<string> => new Set(ids)
