import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { startClickHouse } from '../helpers/clickhouse.ts'
import { startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { until } from '../helpers/until.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { PublishedUsage, publishAll, publishAtWorst, sorted } from './published-usage.ts'
import { recipe } from './recipe.ts'

const TOPIC = 'snimeter.usage.v1'
const [TOPIC_TABLE = '', USAGE = '', VIEW = '', BILL = ''] = recipe('ClickHouse')

test('ClickHouse reads the topic by the recipe, and its bill is that of SQLite', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const clickHouse = await startClickHouse(t)
  if (clickHouse === undefined) return
  await broker.createTopic(TOPIC, { partitions: 3 })
  const config = kafkaConfig([broker.address], TOPIC, { compression: 'zstd' })
  const sink = new KafkaSink(config, { logger: memoryLogger() })
  t.after(() => sink.stop())
  const usage = new PublishedUsage(t, 'kafka')
  assert.ok(TOPIC_TABLE.includes("'kafka:9092'"))
  clickHouse.query('CREATE DATABASE bill')
  clickHouse.query('USE bill')
  clickHouse.query(TOPIC_TABLE.replace('kafka:9092', broker.address))
  clickHouse.query(USAGE)
  clickHouse.query(VIEW)

  const bill = () => sorted(clickHouse.query(BILL).map((row) => Object.values(row)))
  const count = (what: string) => Number(clickHouse.query(`SELECT ${what}`)[0]?.['count'])
  const everythingIsRead = async () => {
    const records = await readTopic(broker.address, TOPIC)
    const read = 'sum(num_messages_read) AS count FROM system.kafka_consumers'
    await until('ClickHouse has read the topic', () => count(read) >= records.length, 60_000)
  }

  await t.test('after late revisions, repeats and a refill, without a merge', async () => {
    clickHouse.query('SYSTEM STOP MERGES usage')
    const [first = []] = usage.rounds
    await publishAll(sink, first)
    await until(
      'the first part is there',
      () => count('count() AS count FROM usage') === first.length,
    )
    await publishAtWorst(usage, sink)
    await everythingIsRead()
    // What is read is in the table a little later.
    await until('it is in the table', () => isDeepStrictEqual(bill(), usage.bill)).catch(() =>
      assert.deepEqual(bill(), usage.bill),
    )
    assert.ok(
      count('count() AS count FROM usage') > count('uniqExact(usage_key) AS count FROM usage'),
    )
  })

  await t.test('after a merge', () => {
    clickHouse.query('SYSTEM START MERGES usage')
    clickHouse.query('OPTIMIZE TABLE usage FINAL')
    assert.deepEqual(bill(), usage.bill)
  })
  clickHouse.query('DROP TABLE usage_from_topic')
  clickHouse.query('DROP TABLE usage_topic')
})
