import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { FanOut } from '../../src/fan-out/fan-out.ts'
import type { FanOutConfig } from '../../src/fan-out/messages.ts'
import { LiveDoctor } from '../../src/live-doctor.ts'
import type { SinkState } from '../../src/model/outbox.ts'
import { runCommand } from '../helpers/command.ts'
import { type Broker, startBroker } from '../helpers/kafka/broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { until } from '../helpers/until.ts'
import { kafkaConfig } from '../kafka/events.ts'
import { OutboxFile } from '../store/outbox-fixture.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

interface Fields {
  readonly usage_key: string
  readonly revision: number
  readonly window_start: string
  readonly upload_bytes: string
  readonly sink: string
}

/** A file whose sink is carried by the real thread, one process after the other. */
class Site {
  readonly file: OutboxFile
  readonly logger = memoryLogger()
  readonly #config: (path: string, name: string) => FanOutConfig
  #fanOut: FanOut | undefined
  sinks: readonly SinkState[] = []

  constructor(config: Site['config'], name: string) {
    this.#config = config
    this.file = new OutboxFile({ sinks: [name] })
  }

  get config() {
    return this.#config
  }

  start(name: string): void {
    const { writer } = this.file
    const keep = <T extends { readonly sinks: readonly SinkState[] }>(state: T): Promise<T> => {
      this.sinks = state.sinks
      return Promise.resolve(state)
    }
    this.#fanOut = new FanOut(this.#config(this.file.path, name), {
      logger: this.logger,
      store: {
        admit: async (...asked) => {
          const { admission, outbox } = writer.admit(...asked)
          await keep(outbox)
          return admission
        },
        acknowledge: (...told) => keep(writer.acknowledge(...told)),
        acknowledgeHours: (...told) => keep(writer.acknowledgeHours(...told)),
        park: (...told) => keep(writer.park(...told)),
        retryParked: () => keep(writer.retryParked()),
        rememberTopic: (...told) => Promise.resolve(writer.rememberTopic(...told)),
      },
    })
    this.#fanOut.start()
  }

  async stop(): Promise<void> {
    await this.#fanOut?.stop(10_000)
    this.#fanOut = undefined
  }

  /** Ends the process and starts the next one. */
  async restart(name: string): Promise<void> {
    await this.stop()
    this.file.reopen({ sinks: [name] })
    this.start(name)
  }

  async sent(name: string): Promise<void> {
    await until('everything is sent', () => this.file.waiting(name).length === 0)
  }

  /** What a backup is: a consistent copy, made while the file is in use. */
  backup(to: string): void {
    const database = new Database(this.file.path, { readonly: true })
    database.exec(`VACUUM INTO '${to}'`)
    database.close()
  }

  /** The backup takes the place of the file. */
  async restore(from: string, sinks: readonly string[]): Promise<void> {
    await this.stop()
    this.file.writer.close()
    for (const end of ['', '-wal', '-shm']) rmSync(this.file.path + end, { force: true })
    renameSync(from, this.file.path)
    this.file.reopen({ sinks })
  }

  get isRefused(): boolean {
    return this.sinks.some(({ restored }) => restored)
  }
}

function makeSite(t: TestContext, name: string, config: Site['config']): Site {
  const site = new Site(config, name)
  t.after(async () => {
    await site.stop()
    site.file.remove()
  })
  return site
}

const kafkaSite = (broker: Broker, topic: string) => (path: string, name: string) => ({
  kafka: { ...kafkaConfig([broker.address], topic), name, hoursTopic: '' },
  files: { directory: '', name: 'files', hours: false, maxFileBytes: 1, maxAgeMs: 1, maxFiles: 1 },
  log: { level: 'error' as const, format: 'json' as const },
  store: { path },
})

async function fieldsIn(broker: Broker, topic: string): Promise<Fields[]> {
  return (await readTopic(broker.address, topic)).map(({ value }) => JSON.parse(value).data)
}

/** Each id once, with the one content that it has. */
function distinct(values: readonly Fields[]): Fields[] {
  const byId = new Map<string, Fields>()
  for (const fields of values) {
    const id = `${fields.usage_key} ${fields.revision}`
    assert.deepEqual(byId.get(id) ?? fields, fields)
    byId.set(id, fields)
  }
  return [...byId.values()]
}

test('an older copy of the file sends nothing to Kafka under the name that has gone on', async (t) => {
  const broker = await startBroker(t)
  if (broker === undefined) return
  const many = (window: number, upload: number) =>
    ['cart', 'web', 'api', 'db'].map((workload) => ({ window, upload, workload }))

  await t.test('whatever it has frozen by the time when Kafka answers', async (t) => {
    const topic = 'restored'
    await broker.createTopic(topic, { partitions: 3 })
    const site = makeSite(t, 'kafka', kafkaSite(broker, topic))
    const { file } = site
    site.start('kafka')
    file.commit(0, many(0, 5))
    file.commit(3)
    await site.sent('kafka')
    const backup = join(file.folder, 'backup.db')
    site.backup(backup)
    // The same process goes on, and another after it.
    file.commit(4, [...many(3, 100), { window: 0, upload: 1, workload: 'cart' }])
    file.commit(9)
    await site.sent('kafka')
    await site.restart('kafka')
    file.commit(10, many(9, 1000))
    file.commit(14)
    await site.sent('kafka')
    const before = await fieldsIn(broker, topic)
    assert.equal(before.length, 13)

    await site.restore(backup, ['kafka'])
    // As if Kafka were away for long: the copy freezes more events than were ever sent, and is started again.
    for (let minute = 4; minute < 20; minute++) file.commit(minute, many(minute - 1, 7))
    file.reopen({ sinks: ['kafka'] })
    file.commit(30, many(29, 7))
    site.start('kafka')
    await until('it is refused', () => site.isRefused)
    const refused = site.file.commit(40, many(39, 7)).sinks[0]
    assert.equal(refused?.restored, true)
    const frozen = refused?.events
    assert.equal(file.commit(50).sinks[0]?.events, frozen)

    await site.restart('kafka')
    // Sending again is no way around it, and a rename takes over where the copy ended.
    const configuration = {
      SNIMETER_KAFKA_BROKERS: broker.address,
      SNIMETER_KAFKA_TOPIC: topic,
    }
    const range = ['--since', '2026-11-24T11:00Z', '--until', '2026-11-24T14:00Z']
    const again = await runCommand(['republish', '--db', file.path, ...range], configuration)
    assert.match(again.stderr, /this file is an older copy: .* \(kafka\.name/)
    assert.equal(again.code, 1)
    assert.deepEqual(await fieldsIn(broker, topic), before)

    await site.restart('kafka-2')
    file.commit(51)
    await site.sent('kafka-2')
    const all = distinct(await fieldsIn(broker, topic))
    const named = (sink: string) => all.filter((fields) => fields.sink === sink)
    assert.equal(named('kafka').length, before.length)
    const starts = named('kafka-2').map(({ window_start: start }) => start)
    // The copy had published the window of 12:00; everything after it is under the new name.
    assert.deepEqual(
      new Set(starts),
      new Set(
        [...Array.from({ length: 16 }, (_, i) => i + 3), 29, 39].map(
          (minute) => `2026-11-24T12:${String(minute).padStart(2, '0')}:00Z`,
        ),
      ),
    )
    const { stdout } = await runCommand(['sinks', '--db', file.path, '--format', 'csv'])
    assert.match(stdout, /kafka,\d+,0,0,[^,]*,[^,]*,2026-11-24T12:01:00Z,unknown/)
  })

  await t.test('also by sending events again before serve ran on it', async (t) => {
    const topic = 'sent-again'
    await broker.createTopic(topic, { partitions: 1 })
    const site = makeSite(t, 'kafka', kafkaSite(broker, topic))
    const { file } = site
    site.start('kafka')
    file.commit(0, [{ window: 0, upload: 5 }])
    file.commit(3)
    await site.sent('kafka')
    const backup = join(file.folder, 'backup.db')
    site.backup(backup)
    file.commit(4, [{ window: 3, upload: 5 }])
    file.commit(8)
    await site.sent('kafka')
    await site.restore(backup, [])
    const { stderr, code } = await runCommand(
      [
        'republish',
        '--db',
        file.path,
        '--since',
        '2026-11-24T11:00Z',
        '--until',
        '2026-11-24T14:00Z',
      ],
      { SNIMETER_KAFKA_BROKERS: broker.address, SNIMETER_KAFKA_TOPIC: topic },
    )
    assert.equal(code, 1)
    assert.match(stderr, /this file is an older copy/)
    assert.equal((await fieldsIn(broker, topic)).length, 2)
  })

  await t.test('honest files are never refused', async (t) => {
    const topic = 'honest'
    await broker.createTopic(topic, { partitions: 2 })
    const site = makeSite(t, 'kafka', kafkaSite(broker, topic))
    const { file } = site
    const backup = join(file.folder, 'moved.db')
    const expected: string[] = []
    for (let life = 0; life < 6; life++) {
      const minute = life * 10
      // Killed in the middle: what is frozen is not sent, or what is sent is not acknowledged.
      site.start('kafka')
      file.commit(minute, many(minute, life + 1))
      file.commit(minute + 3)
      if (life % 2 === 0) await site.sent('kafka')
      await site.stop()
      file.reopen({ sinks: ['kafka'] })
      // Moved, with nothing beside it; copied when nothing was sent since; forgotten and put back.
      if (life === 2) {
        site.backup(backup)
        await site.restore(backup, ['kafka'])
      }
      if (life === 4) {
        file.reopen({ sinks: [] })
        file.writer.forgetSink('kafka', [])
        file.reopen({ sinks: ['kafka'] })
      }
      expected.push(...Array.from({ length: 4 }, () => String(life + 1)))
    }
    site.start('kafka')
    await site.sent('kafka')
    assert.equal(site.isRefused, false)
    assert.deepEqual(
      distinct(await fieldsIn(broker, topic))
        .map(({ upload_bytes: upload }) => upload)
        .sort(),
      expected,
    )
    // Others in the topic, and their stamps, are no concern of it.
    const other = makeSite(t, 'kafka', kafkaSite(broker, topic))
    other.file.commit(0, many(0, 70))
    other.file.commit(3)
    other.start('kafka')
    await other.sent('kafka')
    await site.restart('kafka')
    file.commit(100, many(99, 80))
    file.commit(104)
    await site.sent('kafka')
    assert.equal(site.isRefused || other.isRefused, false)
    const { stderr, code } = await runCommand(
      [
        'republish',
        '--db',
        file.path,
        '--since',
        '2026-11-24T11:00Z',
        '--until',
        '2026-11-24T14:00Z',
      ],
      { SNIMETER_KAFKA_BROKERS: broker.address, SNIMETER_KAFKA_TOPIC: topic },
    )
    assert.deepEqual([code, /(\d+) events were sent again/.test(stderr)], [0, true])
    distinct(await fieldsIn(broker, topic))
    await site.restart('kafka')
    file.commit(110, many(109, 90))
    file.commit(114)
    await site.sent('kafka')
    assert.equal(site.isRefused, false)
  })
})

describe('an older copy of the file writes no events into a folder that has newer ones', () => {
  it('although the files of events have left the folder', async (t) => {
    const site = makeSite(t, 'files', (path, name) => ({
      kafka: { ...kafkaConfig([], 'topic'), name: 'kafka', hoursTopic: '' },
      files: {
        directory: join(path, '..', 'events'),
        name,
        hours: false,
        maxFileBytes: 2 ** 20,
        maxAgeMs: 3_600_000,
        maxFiles: 100,
      },
      log: { level: 'error', format: 'json' },
      store: { path },
    }))
    const { file } = site
    const directory = join(file.folder, 'events')
    const lines = () =>
      readdirSync(directory)
        .filter((name) => name.startsWith('usage-'))
        .flatMap((name) => readFileSync(join(directory, name), 'utf8').trim().split('\n'))
    mkdirSync(directory)
    site.start('files')
    file.commit(0, [{ window: 0, upload: 5 }])
    file.commit(3)
    await site.sent('files')
    const backup = join(file.folder, 'backup.db')
    site.backup(backup)
    file.commit(4, [{ window: 3, upload: 5 }])
    file.commit(8)
    await site.sent('files')
    await site.restart('files')
    await site.sent('files')
    assert.equal(lines().length, 2)
    await site.stop()
    for (const name of readdirSync(directory)) {
      if (name.startsWith('usage-')) rmSync(join(directory, name))
    }
    await site.restore(backup, ['files'])
    for (let minute = 4; minute < 20; minute++) file.commit(minute, [{ window: minute, upload: 9 }])
    site.start('files')
    await until('it is refused', () => site.isRefused)
    assert.deepEqual(lines(), [])
    await site.restart('files-2')
    file.commit(20)
    await site.sent('files-2')
    assert.equal(lines().length, 14)
  })
})

test('a refused file is a finding of doctor live', async () => {
  const doctor = new LiveDoctor(
    { ledger: { flushIntervalMs: 10_000 }, gateways: { billAt: 'workload' } } as never,
    {
      pipeline: {
        observations: {
          sinceMs: 0,
          reports: () => [],
          activity: { startedMs: 0, lastMs: 0, reports: () => [] },
        },
        clock: { newestMs: 0 },
      } as never,
      queries: { run: () => Promise.resolve({ rows: [] }) } as never,
      receiver: { otherCalls: () => [], certificates: () => [], streams: 0 },
      isNew: false,
      sinks: () => [
        { name: 'kafka', restored: true },
        { name: 'files', restored: false },
      ],
    },
  )
  await doctor.refresh()
  assert.deepEqual(
    doctor.latest.findings
      .filter(({ code }) => code === 'restored-file')
      .map(({ severity, subject }) => [severity, subject]),
    [['error', 'sink kafka']],
  )
})
