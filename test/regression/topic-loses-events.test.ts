import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { ConfigResourceTypes } from '@platformatic/kafka'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import { TopicWatch } from '../../src/kafka/topic-watch.ts'
import type { Finding } from '../../src/model/finding.ts'
import type { TopicMemory } from '../../src/model/topic-memory.ts'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { runCommand } from '../helpers/command.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type Broker, startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { databaseIn, metric, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

const DAY_MS = 86_400_000
const { TOPIC, BROKER } = ConfigResourceTypes

async function alter(
  broker: Broker,
  resourceType: typeof TOPIC | typeof BROKER,
  resourceName: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) => ({
    name,
    configOperation: 0 as const,
    value,
  }))
  await broker.withAdmin((admin) =>
    admin.incrementalAlterConfigs({ resources: [{ resourceType, resourceName, configs }] }),
  )
}

async function makeAgain(broker: Broker, topic: string, partitions: number): Promise<void> {
  await broker.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
  await until('the topic can be made', () =>
    broker.createTopic(topic, { partitions }).then(
      () => true,
      () => false,
    ),
  )
}

const codesOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ severity, code }) => `${severity} ${code}`)

test('a look at a real topic', { timeout: 300_000 }, async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const { address } = broker

  /** A watch that looks all the time, on a file in memory. */
  const watchOf = (topic: string, file: { memory?: TopicMemory } = {}) => {
    const logger = memoryLogger()
    const config = kafkaConfig([address], topic, {
      createTopic: {
        enabled: false,
        partitions: 3,
        replicationFactor: 3,
        retentionMs: 40 * DAY_MS,
      },
    })
    const repair = { sink: 'kafka', fromMs: Date.UTC(2026, 10, 24, 12) }
    const watch = new TopicWatch(config, {
      logger,
      everyMs: 100,
      confirmMs: 100,
      file: {
        read: () => ({ memory: file.memory, repair }),
        write: (memory) => {
          // As it comes back from the file.
          const ends = memory.endOffsets.map((end) => end ?? undefined)
          file.memory = { ...structuredClone(memory), endOffsets: ends }
          return Promise.resolve()
        },
      },
    })
    t.after(() => watch.stop())
    watch.start()
    const untilCodes = async (codes: readonly string[]): Promise<void> => {
      await until(
        `${topic}: ${codes.join()}`,
        () => file.memory !== undefined && codesOf(watch.findings).join() === codes.join(),
        30_000,
      ).catch((error: unknown) => {
        throw new Error(`${topic}: ${codesOf(watch.findings).join()}`, { cause: error })
      })
    }
    return { watch, logger, file, untilCodes }
  }
  const ONE_COPY = 'warning topic-insync-replicas'

  await t.test('compaction is found while it runs, and when it is over', async () => {
    await broker.createTopic('compact')
    const { watch, logger, untilCodes } = watchOf('compact')
    await untilCodes([ONE_COPY])
    await alter(broker, TOPIC, 'compact', { 'cleanup.policy': 'compact' })
    await untilCodes(['error topic-compacted', ONE_COPY])
    await alter(broker, TOPIC, 'compact', { 'cleanup.policy': 'compact,delete' })
    await untilCodes(['error topic-compacted', ONE_COPY])
    await alter(broker, TOPIC, 'compact', { 'cleanup.policy': 'delete' })
    await untilCodes([ONE_COPY])
    watch.stop()
    assert.deepEqual(
      logger.lines.map(({ level, message }) => `${level} ${message}`),
      [
        'error the topic does not keep the guarantee of usage events',
        'error the topic does not keep the guarantee of usage events',
        'info the topic keeps the guarantee again in this point',
      ],
    )
  })

  await t.test('a retention of an hour, of days, and one in bytes', async () => {
    await broker.createTopic('short', { config: { 'retention.ms': '3600000' } })
    const { watch, untilCodes } = watchOf('short')
    await untilCodes(['error topic-retention', ONE_COPY])
    assert.match(
      watch.findings[0]?.wrong ?? '',
      /^keeps events for 1 hour, less than .*\(40 days\)/,
    )
    await alter(broker, TOPIC, 'short', { 'retention.ms': String(7 * DAY_MS) })
    await untilCodes(['warning topic-retention', ONE_COPY])
    await alter(broker, TOPIC, 'short', { 'retention.ms': String(40 * DAY_MS) })
    await untilCodes([ONE_COPY])
    await alter(broker, TOPIC, 'short', { 'retention.bytes': '1000000' })
    await untilCodes(['warning topic-retention', ONE_COPY])
    watch.stop()
  })

  await t.test('a retention that comes from the default of the broker', async () => {
    await broker.createTopic('inherits')
    await alter(broker, BROKER, '1', { 'log.retention.ms': '3600000' })
    const { watch, untilCodes } = watchOf('inherits')
    await untilCodes(['error topic-retention', ONE_COPY])
    watch.stop()
    await alter(broker, BROKER, '1', { 'log.retention.ms': '-1' })
  })

  await t.test('min.insync.replicas: too few, and more than there are', async () => {
    await broker.createTopic('insync', { config: { 'min.insync.replicas': '1' } })
    const { watch, untilCodes } = watchOf('insync')
    await untilCodes([ONE_COPY])
    await alter(broker, TOPIC, 'insync', { 'min.insync.replicas': '2' })
    await untilCodes(['error topic-insync-replicas'])
    assert.match(watch.findings[0]?.wrong ?? '', /^takes no event: min\.insync\.replicas is 2/)
    watch.stop()
  })

  await t.test('partitions that were added are remembered until somebody has acted', async () => {
    await broker.createTopic('grows', { partitions: 2 })
    const first = watchOf('grows')
    await first.untilCodes([ONE_COPY])
    first.watch.stop()
    const grow = (count: number, more: number) => {
      const assignments = Array.from({ length: more }, () => ({ brokerIds: [1] }))
      const topics = [{ name: 'grows', count, assignments }]
      return broker.withAdmin((admin) => admin.createPartitions({ topics }))
    }
    await grow(3, 1)
    // Another process: only the file knows how many there were.
    const { watch, untilCodes } = watchOf('grows', first.file)
    await untilCodes([ONE_COPY, 'error topic-partitions-added'])
    await grow(5, 2)
    await until('both are one change', () => /5 partitions/.test(watch.findings[1]?.wrong ?? ''))
    assert.match(watch.findings[1]?.wrong ?? '', /^has 5 partitions instead of 2 /)
    assert.match(
      watch.findings[1]?.fix ?? '',
      /^run snimeter republish --config FILE --sink kafka --since 2026-11-24T12:00:00Z /,
    )
    watch.lookNow(true)
    await untilCodes([ONE_COPY])
    watch.stop()
  })

  await t.test('a topic that is deleted and made again is another one', async () => {
    await broker.createTopic('again', { partitions: 2 })
    const { watch, file, logger, untilCodes } = watchOf('again')
    await untilCodes([ONE_COPY])
    await makeAgain(broker, 'again', 2)
    await untilCodes([ONE_COPY, 'error topic-made-again'])
    watch.stop()
    const later = watchOf('again', file)
    await later.untilCodes([ONE_COPY, 'error topic-made-again'])
    later.watch.stop()
    const told = logger.lines.filter(({ level }) => level === 'error').at(-1)
    assert.match(JSON.stringify(told), /was deleted and made under the same name.*republish/)
  })

  await t.test('a topic that is away is found, and what was remembered stays', async () => {
    await broker.createTopic('away')
    const { watch, file, untilCodes } = watchOf('away')
    await untilCodes([ONE_COPY])
    const { memory } = file
    await broker.withAdmin((admin) => admin.deleteTopics({ topics: ['away'] }))
    await until('it is missed', () => {
      watch.lookNow(false)
      return codesOf(watch.findings).join() === `error topic-missing,${ONE_COPY}`
    })
    assert.equal(file.memory, memory)
    watch.stop()
  })
})

const ENV = {
  SNIMETER_ROLLUP_WINDOW: '1s',
  SNIMETER_ROLLUP_GRACE: '2s',
  SNIMETER_LEDGER_FLUSH_INTERVAL: '1s',
  SNIMETER_STORE_COMMIT_INTERVAL: '200ms',
}

test('serve reports a topic that is compacted, and one that was made again until it is filled', {
  timeout: 300_000,
}, async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const topic = 'snimeter.usage.v1'
  const config = { 'min.insync.replicas': '1' }
  await broker.createTopic(topic, { partitions: 3, config })
  const db = databaseIn(temporaryFolder(t))
  const env = { ...ENV, SNIMETER_KAFKA_BROKERS: broker.address, SNIMETER_STORE_PATH: db }
  const serve = await startServe(t, { db, env })
  const acknowledged = () =>
    select(db, "SELECT count(*) AS n FROM publications WHERE state = 'acknowledged'")[0]?.['n']

  await until('the topic is remembered', () => {
    return select(db, 'SELECT partitions FROM sink_topic')[0]?.['partitions'] === 3n
  })
  await sendOneConnection(serve, 100)
  await until('it has arrived', () => acknowledged() === 1n, 60_000)

  await alter(broker, TOPIC, topic, { 'cleanup.policy': 'compact' })
  serve.child.kill('SIGHUP')
  await untilFound(serve, ['topic-compacted', 'topic-insync-replicas'])
  const compacted = '{sink="kafka",severity="error",code="topic-compacted"}'
  await until('it is a metric', async () => {
    return (await metric(serve, 'snimeter_kafka_topic_findings')).get(compacted) === 1
  })
  assert.equal(
    (await metric(serve, 'snimeter_mesh_findings')).get(
      '{severity="error",code="topic-compacted"}',
    ),
    1,
  )
  const live = await runCommand(['doctor', 'live', '--url', serve.httpUrl])
  assert.match(live.stdout, /topic-compacted/)
  const log = serve.log.filter(({ code }) => code === 'topic-compacted')
  assert.deepEqual(
    log.map(({ level, msg }) => [level, msg]),
    [['error', 'the topic does not keep the guarantee of usage events']],
  )
  await alter(broker, TOPIC, topic, { 'cleanup.policy': 'delete' })

  // A new topic under the same name: what it lacks comes back with the command that is reported.
  await makeAgain(broker, topic, 3)
  await sendOneConnection(serve, 7)
  await until('the new topic has the second', () => acknowledged() === 2n, 90_000)
  serve.child.kill('SIGHUP')
  await untilFound(serve, ['topic-made-again', 'topic-insync-replicas'])
  const check = await runCommand(['check-config', '--connect'], env)
  assert.equal(check.code, 1)
  assert.match(check.stdout, /^wrong .*was deleted and made under the same name.*republish/m)
  const [, since = ''] = /--since (\S+)/.exec(check.stdout) ?? []
  const republish = ['republish', '--sink', 'kafka', '--since', since]
  assert.equal((await runCommand(republish, env)).code, 0)
  serve.child.kill('SIGHUP')
  await untilFound(serve, ['topic-insync-replicas'])
  assert.equal(await serve.terminate(), 0, serve.stderr)

  const ledger = new UsageLedger(':memory:')
  for (const record of await readTopic(broker.address, topic)) ledger.apply(record)
  assert.deepEqual(
    ledger
      .report()
      .rows.map(({ upload }) => upload)
      .sort((a, b) => Number(a - b)),
    [7n, 100n],
  )
})

async function untilFound(serve: ServeProcess, codes: readonly string[]): Promise<void> {
  await until(`found: ${codes.join()}`, async () => {
    const answer = (await (await fetch(`${serve.httpUrl}/api/v1/findings`)).json()) as {
      findings: Finding[]
    }
    const topics = answer.findings.filter(({ code }) => code.startsWith('topic-'))
    return topics.map(({ code }) => code).join() === codes.join()
  })
}

async function sendOneConnection(serve: ServeProcess, upload: number): Promise<void> {
  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({
    type: EntryType.tcpConnectionEnd,
    sni: 'bucket.example',
    startMs: Date.now(),
    durationMs: 0,
    streamId: randomUUID(),
    upload,
    download: 1,
  })
  await sender.send(tcpMessage([entry], sidecarIdentifier('shop', 'cart')))
  assert.equal(await sender.end(), 0)
}
