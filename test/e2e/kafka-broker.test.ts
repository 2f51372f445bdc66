import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, startBroker } from '../helpers/kafka/broker.ts'
import { startProxiedBroker } from '../helpers/kafka/proxied-broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'

/** Names and numbers of partitions of all topics. */
async function topics(broker: Broker): Promise<Record<string, number>> {
  return broker.withAdmin(async (admin) => {
    const names = await admin.listTopics()
    const { topics } = await admin.metadata({ topics: names, forceUpdate: true })
    return Object.fromEntries([...topics].map(([name, topic]) => [name, topic.partitionsCount]))
  })
}

test('a real Kafka for tests', async (t) => {
  const proxied = await startProxiedBroker(t)
  if (proxied === undefined) return
  const { broker, proxy } = proxied

  await t.test('a topic survives a stop and a kill, on the same address', async () => {
    const { address } = broker
    await broker.createTopic('usage', { partitions: 3 })
    await broker.stop()
    await broker.start()
    assert.deepEqual(await topics(broker), { usage: 3 })
    await broker.kill()
    await assert.rejects(topics(broker))
    await broker.start()
    assert.deepEqual(await topics(broker), { usage: 3 })
    assert.equal(broker.address, address)
  })

  await t.test('a broker with a setting that it refuses says so', async (t) => {
    await assert.rejects(
      startBroker(t, { properties: { 'log.retention.hours': 'never' } }),
      /Invalid value never for configuration log\.retention\.hours/,
    )
  })

  await t.test('a frozen broker answers after the thaw', async () => {
    broker.freeze()
    const answer = topics(broker)
    assert.equal(await Promise.race([answer, soon()]), undefined)
    broker.thaw()
    assert.deepEqual(await answer, { usage: 3 })
  })

  await t.test('the network in between delays, refuses, loses and recovers', async () => {
    proxy.delay(50)
    const before = performance.now()
    assert.deepEqual(await readTopic(proxy.address, 'usage'), [])
    assert.ok(performance.now() - before >= 100, 'there and back')

    proxy.refuse()
    const refused = readTopic(proxy.address, 'usage')
    assert.equal(await Promise.race([refused, soon()]), undefined)
    proxy.pass()
    assert.deepEqual(await refused, [])

    proxy.stall()
    const lost = readTopic(proxy.address, 'usage')
    assert.equal(await Promise.race([lost, soon()]), undefined)
    proxy.pass()
    proxy.cut()
    assert.deepEqual(await lost, [])
  })
})

async function soon(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 200))
  return undefined
}
