import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { eventRecord } from '../../src/kafka/record.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { freePort } from '../helpers/free-port.ts'
import { startBroker } from '../helpers/kafka/broker.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { ROW, revisionsOf } from '../outbox/some-usage.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

const MAIN = fileURLToPath(new URL('../../examples/billing-consumer/main.ts', import.meta.url))
const TOPIC = 'snimeter.usage.v1'
const WORKLOADS = 20

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }))
  })
  /** Waits for a condition that needs the process to run; rejects with what it printed if it ends. */
  const meanwhile = async (what: string, condition: () => boolean) =>
    until(what, () => {
      assert.equal(child.exitCode, null, output)
      return condition()
    })
  return { child, ended, meanwhile }
}

/** Three revisions of a row of each of many workloads, revision by revision. */
const EVENTS = [0, 1, 2].flatMap((revision) =>
  Array.from({ length: WORKLOADS }, (_, i) => {
    const row = { ...ROW, workload: { ...ROW.workload, name: `w${i}` } }
    return usageEvent(revisionsOf(row, [100n, 2n ** 60n, 7n])[revision] ?? ROW)
  }),
)

test('the billing consumer against a real broker', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  await broker.createTopic(TOPIC, { partitions: 3 })
  const db = join(temporaryFolder(t), 'bill.db')
  const args = ['--brokers', broker.address, '--db', db]

  const publish = async (
    events: typeof EVENTS,
    mode: 'structured' | 'binary',
    topic = TOPIC,
    compression: KafkaConfig['compression'] = 'zstd',
  ) => {
    const sink = new KafkaSink(kafkaConfig([broker.address], topic, { mode, compression }), {
      logger: memoryLogger(),
    })
    // A partition that was made a moment ago can lack a leader: its events are sent again.
    let left = events
    await until('all events are acknowledged', async () => {
      const deliveries = await sink.publish(left)
      left = left.filter((_, i) => deliveries[i]?.kind !== 'acknowledged')
      return left.length === 0
    })
    await sink.stop()
  }
  const checkOf = (topic: string) =>
    start([
      `--brokers=${broker.address}`,
      `--topic=${topic}`,
      `--db=${join(temporaryFolder(t), 'bill.db')}`,
      '--check',
    ])
  const eventsInFile = () => {
    const ledger = new UsageLedger(db)
    try {
      return ledger.report().events
    } finally {
      ledger.close()
    }
  }

  await t.test('an empty topic is at its end', async () => {
    const { code, output } = await start([...args, '--check']).ended
    assert.deepEqual(
      [code, output.split('\n')[0]],
      [0, '0 events of 0 rows; 0 repeats, 0 of other types'],
    )
  })

  await t.test('killed while it follows, it goes on where its file ends', async () => {
    await publish(EVENTS.slice(0, 30), 'structured')
    const { child, ended, meanwhile } = start(args)
    t.after(() => child.kill('SIGKILL'))
    await meanwhile('it has read what there is', () => eventsInFile() === 30)
    await publish(EVENTS.slice(30, 40), 'binary')
    await meanwhile('it follows', () => eventsInFile() === 40)
    child.kill('SIGKILL')
    await ended
    // Half of what is sent was there already.
    await publish(EVENTS.slice(20), 'structured')
    const { code, output } = await start([...args, '--check']).ended
    assert.equal(
      output,
      '60 events of 20 rows; 20 repeats, 0 of other types\nupserted totals and added-up deltas agree\n',
    )
    assert.equal(code, 0)
    const ledger = new UsageLedger(db)
    const { rows } = ledger.report()
    ledger.close()
    assert.deepEqual(
      new Set(rows.map(({ upload, revision }) => `${revision}: ${upload}`)),
      new Set(['3: 7']),
    )
  })

  await t.test('checked again it reads nothing twice', async () => {
    const { output } = await start([...args, '--check']).ended
    assert.match(output, /^60 events of 20 rows; 20 repeats, /)
  })

  await t.test('a violation is said, and exits 1', async () => {
    const [first] = revisionsOf({ ...ROW, workload: { ...ROW.workload, name: 'w0' } }, [101n])
    await publish([usageEvent(first ?? ROW)], 'structured')
    const { code, output } = await start([...args, '--check']).ended
    assert.match(output, /\ntwo_contents: event [0-9a-f]{64} has two contents\n1 violations\n$/)
    assert.equal(code, 1)
  })

  await t.test(
    'a topic that was made anew and filled again is accepted once it is said',
    async () => {
      const again = 'made-anew'
      const refill = ['--topic', again, '--db', join(temporaryFolder(t), 'refill.db'), '--check']
      const check = (...more: string[]) =>
        start(['--brokers', broker.address, ...refill, ...more]).ended
      await broker.createTopic(again, { partitions: 3 })
      await publish(EVENTS.slice(0, 40), 'structured', again)
      assert.equal((await check()).code, 0)
      await broker.withAdmin((admin) => admin.deleteTopics({ topics: [again] }))
      await broker.createTopic(again, { partitions: 2 })
      // Serve goes on with the third revisions; then the refill sends all.
      await publish(EVENTS.slice(40), 'structured', again)
      const lost = await check()
      assert.match(lost.output, /offsets 0 to \d+, and \d+ is next: .*--check --refilled/)
      assert.equal(lost.code, 2)
      await publish(EVENTS, 'structured', again)
      const accepted = await check('--refilled')
      assert.equal(
        accepted.output,
        '60 events of 20 rows; 60 repeats, 0 of other types\nupserted totals and added-up deltas agree\n',
      )
      assert.equal(accepted.code, 0)
      assert.equal((await check()).code, 0)

      // Who has not read the topic of before finds it out of order until the refill is said.
      refill[3] = join(temporaryFolder(t), 'fresh.db')
      const strict = await check()
      assert.match(strict.output, /\nout_of_order: [^]*\n40 violations\n$/)
      assert.equal(strict.code, 1)
      assert.match(
        (await check('--refilled')).output,
        /\n40 revisions came out of order, and again with a refill\n.* agree\n$/,
      )
      assert.equal((await check()).code, 0)
    },
  )

  await t.test('offsets that the topic does not have are an error, not a jump', async () => {
    await broker.createTopic('other', { partitions: 1 })
    const ledger = new UsageLedger(db)
    const [first] = revisionsOf({ ...ROW, sink: 'other' }, [1n])
    const { value } = eventRecord(usageEvent(first ?? ROW), 'structured')
    const position = { topic: 'other', partition: 0, offset: 6n }
    ledger.apply({ value: value.toString(), headers: {} }, position)
    ledger.close()
    const { code, output } = await start([...args, '--topic', 'other', '--check']).ended
    assert.match(output, /partition 0 of other holds offsets 0 to 0, and 7 is next: /)
    assert.equal(code, 2)
  })

  for (const compression of ['zstd', 'gzip', 'none'] as const) {
    await t.test(`it reads ${compression}`, async () => {
      await broker.createTopic(compression, { partitions: 2 })
      await publish(EVENTS, 'structured', compression, compression)
      const { code, output } = await checkOf(compression).ended
      assert.match(output, /^60 events of 20 rows; 0 repeats, 0 of other types\n.* agree\n$/)
      assert.equal(code, 0)
    })
  }

  for (const compression of ['snappy', 'lz4'] as const) {
    await t.test(`${compression} is an error that says what to do`, async () => {
      await broker.createTopic(compression)
      await publish(EVENTS, 'structured', compression, compression)
      const { code, output } = await checkOf(compression).ended
      assert.match(
        output,
        new RegExp(`^stopped reading .*: the topic has records in ${compression}, .*\n$`),
      )
      assert.equal(code, 2)
    })
  }

  await t.test('a broker that is not there is one line, and exits 2', async () => {
    const nothing = `127.0.0.1:${await freePort()}`
    const { code, output } = await start([
      `--brokers=${nothing}`,
      `--db=${join(temporaryFolder(t), 'bill.db')}`,
      '--check',
    ]).ended
    assert.match(output, /^stopped reading snimeter\.usage\.v1 from [^\n]*ECONNREFUSED[^\n]*\n$/)
    assert.equal(code, 2)
  })
})
