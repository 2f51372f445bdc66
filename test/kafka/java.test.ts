import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { eventRecord } from '../../src/kafka/record.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { type Broker, startBroker } from '../helpers/kafka/broker.ts'
import { consumeWithJava, type JavaRecord, produceWithJava } from '../helpers/kafka/java-clients.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { kafkaConfig, someEvent, someEvents } from './events.ts'

const PARTITIONS = 12
const SENT_MS = 1_767_225_600_123

test("Kafka's own Java clients", async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const events = someEvents(
    40,
    Array.from({ length: 40 }, (_, i) => `b\u00fccher-${i}`),
  )

  for (const mode of ['structured', 'binary'] as const) {
    await t.test(`read what is sent in ${mode} mode: keys, headers and values`, async () => {
      const topic = `mode-${mode}`
      await broker.createTopic(topic, { partitions: PARTITIONS })
      await publish(broker, topic, events, { mode })
      const records = await consumeWithJava(broker, topic, events.length)
      for (const event of events) {
        const { key, value, headers } = eventRecord(event, mode)
        const record = records.find((one) => one.key === event.partitionkey)
        assert.deepEqual(record, {
          partition: record?.partition,
          timestamp: BigInt(SENT_MS),
          key: key.toString(),
          value: value.toString(),
          headers: Object.fromEntries([...headers].map((pair) => pair.map(String))),
        })
      }
    })
  }

  await t.test('choose the same partitions for the same keys', async () => {
    await broker.createTopic('theirs', { partitions: PARTITIONS })
    await produceWithJava(
      broker,
      'theirs',
      events.map(({ partitionkey }) => ({ key: partitionkey, value: 'x' })),
    )
    const theirs = partitions(await consumeWithJava(broker, 'theirs', events.length))
    const ours = partitions(await consumeWithJava(broker, 'mode-structured', events.length))
    assert.deepEqual(ours, theirs)
    assert.ok(new Set(ours.values()).size > PARTITIONS / 2)
  })

  await t.test('read every compression', async () => {
    await broker.createTopic('compressions')
    const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
    for (const [i, compression] of compressions.entries()) {
      await publish(broker, 'compressions', [someEvent(compression, i)], { compression })
    }
    const records = await consumeWithJava(broker, 'compressions', compressions.length)
    assert.deepEqual(
      records.map(({ value }) => value),
      compressions.map((compression, i) =>
        eventRecord(someEvent(compression, i), 'structured').value.toString(),
      ),
    )
  })
})

/** Publishes once a leader knows the topic: what is answered "retry" was not written. */
async function publish(
  broker: Broker,
  topic: string,
  events: readonly CloudEvent[],
  overrides: Partial<KafkaConfig>,
): Promise<void> {
  const sink = new KafkaSink(kafkaConfig([broker.address], topic, overrides), {
    logger: memoryLogger(),
    wallMs: () => SENT_MS,
  })
  let open = events
  try {
    await until('everything is acknowledged', async () => {
      const deliveries = await sink.publish(open)
      open = open.filter((_, i) => deliveries[i]?.kind !== 'acknowledged')
      return open.length === 0
    })
  } finally {
    await sink.stop()
  }
}

function partitions(records: readonly JavaRecord[]): Map<string, number> {
  const byKey = records.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return new Map(byKey.map(({ key, partition }) => [key, partition]))
}
