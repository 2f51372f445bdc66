import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { loadConfig } from '../../src/config/load.ts'
import { FanOut } from '../../src/fan-out/fan-out.ts'
import type { FanOutConfig } from '../../src/fan-out/messages.ts'
import { startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { until } from '../helpers/until.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { OutboxFile } from '../store/outbox-fixture.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

interface Mark {
  readonly id: string
  readonly type: string
  readonly time: string
  readonly data: { readonly revision: number; readonly rows: string; readonly upload_bytes: string }
}

function carry(t: TestContext, file: OutboxFile, config: FanOutConfig): FanOut {
  const { writer } = file
  const fanOut = new FanOut(config, {
    logger: memoryLogger(),
    store: {
      admit: (...asked) => Promise.resolve(writer.admit(...asked).admission),
      acknowledge: (...told) => Promise.resolve(writer.acknowledge(...told)),
      acknowledgeHours: (...told) => Promise.resolve(writer.acknowledgeHours(...told)),
      park: (...told) => Promise.resolve(writer.park(...told)),
      rememberTopic: () => Promise.resolve(),
      retryParked: () => Promise.resolve(writer.retryParked()),
    },
  })
  t.after(() => fanOut.stop(5000))
  fanOut.start()
  return fanOut
}

const settled = (file: OutboxFile, sink: string) =>
  until('all is acknowledged', () => {
    const [[marks = 1] = []] = file.all('SELECT count(*) FROM hour_mark WHERE waiting = 1')
    return file.waiting(sink).length === 0 && marks === 0
  })

/** An hour of two rows, closed; then a late change of one of them. */
async function closeAnHour(file: OutboxFile, sink: string): Promise<void> {
  file.commit(1, [
    { window: 0, upload: 5, workload: 'cart' },
    { window: 30, upload: 7, workload: 'web' },
  ])
  file.commit(70)
  await settled(file, sink)
  file.commit(71, [{ window: 30, upload: 100, workload: 'web' }])
  file.commit(75)
  await settled(file, sink)
}

const ofNoon = (marks: readonly Mark[]) =>
  marks
    .filter(({ time }) => time === '2026-11-24T12:00:00Z')
    .map(({ type, data: { revision, rows, upload_bytes: upload } }) => [
      type,
      revision,
      rows,
      upload,
    ])
const EXPECTED = [
  ['io.snimeter.hour-closed.v1', 1, '2', '12'],
  ['io.snimeter.hour-closed.v1', 2, '2', '112'],
]

test('a topic of its own says when an hour is complete, and what it comes to', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  await broker.createTopic('usage', { partitions: 3 })
  const file = new OutboxFile({ hours: ['kafka'] })
  t.after(() => file.remove())
  carry(t, file, {
    kafka: { ...kafkaConfig([broker.address], 'usage'), name: 'kafka', hoursTopic: 'hours' },
    files: {
      directory: '',
      name: 'files',
      hours: false,
      maxFileBytes: 1,
      maxAgeMs: 1,
      maxFiles: 1,
    },
    log: { level: 'error', format: 'json' },
    store: { path: file.path },
  })
  // Usage goes on although the topic of the marks is not there; they follow once it is.
  file.commit(1, [{ window: 0, upload: 0, workload: 'cart' }])
  file.commit(3)
  await until('usage is sent', () => file.waiting().length === 0)
  await broker.createTopic('hours', { partitions: 2 })
  await closeAnHour(file, 'kafka')
  const records = await readTopic(broker.address, 'hours')
  const marks = records.map(({ value }) => JSON.parse(value) as Mark)
  assert.deepEqual(ofNoon(marks), EXPECTED)
  assert.equal(new Set(records.map(({ key }) => key)).size, 1)
  // The mark says what the events of the hour come to.
  const usage = (await readTopic(broker.address, 'usage')).map(({ value }) => JSON.parse(value))
  const sum = usage.reduce((total, { data }) => total + BigInt(data.upload_bytes_delta), 0n)
  assert.equal(sum, 112n)
  assert.ok(usage.every(({ type }) => type === 'io.snimeter.usage.v1'))
})

test('the marks of the file sink are in files of their own', async (t) => {
  const file = new OutboxFile({ sinks: ['files'], hours: ['files'] })
  t.after(() => file.remove())
  const directory = join(file.folder, 'events')
  const fanOut = carry(t, file, {
    kafka: { ...kafkaConfig([], 'usage'), name: 'kafka', hoursTopic: '' },
    files: {
      directory,
      name: 'files',
      hours: true,
      maxFileBytes: 2 ** 20,
      maxAgeMs: 3_600_000,
      maxFiles: 100,
    },
    log: { level: 'error', format: 'json' },
    store: { path: file.path },
  })
  await closeAnHour(file, 'files')
  await fanOut.stop(5000)
  const linesIn = (folder: string, prefix: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.ndjson'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
      .map((line) => JSON.parse(line) as Mark)
  assert.deepEqual(ofNoon(linesIn(join(directory, 'hours'), 'hours-')), EXPECTED)
  assert.equal(linesIn(directory, 'usage-').length, 3)
})

test('marks and usage cannot be in one topic', () => {
  const env = { SNIMETER_KAFKA_TOPIC: 'a', SNIMETER_KAFKA_HOURS_TOPIC: 'a' }
  const loaded = loadConfig({ env })
  assert.ok('problems' in loaded)
  assert.deepEqual(
    loaded.problems.map(({ key, wrong }) => [key, wrong]),
    [['kafka.hours_topic', 'is the topic of the usage events']],
  )
})

test('an older copy of the file sends no mark either, also where only marks were sent since', async (t) => {
  const file = new OutboxFile({ sinks: ['files'], hours: ['files'] })
  t.after(() => file.remove())
  const directory = join(file.folder, 'events')
  const config: FanOutConfig = {
    kafka: { ...kafkaConfig([], 'usage'), name: 'kafka', hoursTopic: '' },
    files: {
      directory,
      name: 'files',
      hours: true,
      maxFileBytes: 2 ** 20,
      maxAgeMs: 3_600_000,
      maxFiles: 100,
    },
    log: { level: 'error', format: 'json' },
    store: { path: file.path },
  }
  const first = carry(t, file, config)
  file.commit(1, [{ window: 0, upload: 5 }])
  file.commit(70)
  await settled(file, 'files')
  const backup = join(file.folder, 'backup.db')
  const database = new Database(file.path, { readonly: true })
  database.exec(`VACUUM INTO '${backup}'`)
  database.close()
  // An hour without usage: only its mark is sent.
  file.commit(130)
  await settled(file, 'files')
  await first.stop(5000)
  file.writer.close()
  for (const end of ['', '-wal', '-shm']) rmSync(file.path + end, { force: true })
  renameSync(backup, file.path)
  file.reopen({ sinks: ['files'], hours: ['files'] })
  const lines = () =>
    readdirSync(join(directory, 'hours'))
      .filter((name) => name.startsWith('hours-'))
      .flatMap((name) =>
        readFileSync(join(directory, 'hours', name), 'utf8')
          .trim()
          .split('\n'),
      )
      .map((line) => JSON.parse(line) as Mark)
  const before = lines()
  // The copy gets usage of that hour: its mark would have the same id and another content.
  file.commit(100, [{ window: 80, upload: 9 }])
  file.commit(190)
  const second = carry(t, file, config)
  const restored = () => file.all('SELECT restored_ms FROM sink')[0]?.[0] !== null
  await until('the copy is noticed', () => {
    file.commit(191)
    return restored()
  })
  await second.stop(5000)
  const after = lines()
  assert.equal(new Set(after.map(({ id }) => id)).size, after.length)
  assert.equal(after.length, before.length)
})
