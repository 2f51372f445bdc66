import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { defaultConfig } from '../src/config/load.ts'
import type { Config } from '../src/config.ts'
import { PairReader } from '../src/model/used-pairs.ts'
import { Pipeline, type PipelineStream } from '../src/pipeline.ts'
import { Writer } from '../src/store/writer.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MIDNIGHT = Date.UTC(2026, 10, 25)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface Word {
  readonly connection: number
  readonly sni?: string
  readonly upload: number
  readonly start: number
  readonly final?: boolean
}

/** One process over a file: a pipeline and a writer, committed by hand. */
class Process {
  readonly pipeline: Pipeline
  readonly #writer: Writer
  readonly #stream: PipelineStream

  constructor(path: string, nowMs: number, config: Config = defaultConfig()) {
    this.#writer = new Writer({
      path,
      windowSeconds: config.rollup.windowSeconds,
      changeWindows: true,
      retention: config.store.retention,
    })
    this.pipeline = new Pipeline(config, this.#writer.open(nowMs))
    const day = Math.floor(nowMs / DAY) * DAY
    this.pipeline.restore(
      this.#writer.loadOpen(1000),
      new PairReader().read(this.#writer.pairsBetween(day, day + 86_400_000)),
      nowMs,
    )
    this.#stream = this.pipeline.openStream()
  }

  hear(word: Word, arrivalMs: number): void {
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-00000000000${word.connection}`,
      type: word.final === true ? 3 : 2,
      sni: word.sni ?? 'a.example',
      startMs: word.start,
      upload: word.upload,
    })
    this.pipeline.message(this.#stream, tcpMessage([entry], SHOP_SIDECAR), arrivalMs)
    while (this.pipeline.held.hasQuestions) {
      const keys = this.pipeline.held.takeQuestions()
      this.pipeline.answer(keys, this.#writer.find(keys))
    }
  }

  /** Time passes in steps of a minute. */
  pass(fromMs: number, toMs: number): void {
    for (let now = fromMs; now < toMs; now += MINUTE) this.pipeline.tick(now)
    this.pipeline.tick(toMs)
  }

  commit(): ReturnType<Pipeline['cut']> {
    const batch = this.pipeline.cut()
    this.#writer.apply(batch)
    this.pipeline.committed(Number.MAX_SAFE_INTEGER)
    while (this.#writer.tidy()) {
      // Compaction and retention, to their end.
    }
    return batch
  }

  end(): void {
    this.commit()
    this.#writer.close()
  }
}

function newFile(t: TestContext): string {
  return join(temporaryFolder(t), 'file.db')
}

function all(path: string, sql: string): unknown[][] {
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    return database.prepare(sql).raw().all() as unknown[][]
  } finally {
    database.close()
  }
}

function configWith(rollup: Partial<Config['rollup']>): Config {
  const config = defaultConfig()
  return { ...config, rollup: { ...config.rollup, ...rollup } }
}

const USAGE = 'SELECT window_start, window_end, upload_bytes FROM usage ORDER BY window_start'

describe('after a restart', () => {
  it('silence goes on where it was: four minutes before and two after make an orphan', (t) => {
    const path = newFile(t)
    const first = new Process(path, NOON)
    first.hear({ connection: 1, upload: 5, start: NOON }, NOON)
    first.pass(NOON, NOON + 4 * MINUTE)
    first.end()
    const second = new Process(path, NOON + HOUR)
    second.pass(NOON + HOUR, NOON + HOUR + MINUTE - 1)
    second.commit()
    assert.deepEqual(all(path, 'SELECT state FROM connections'), [['open']])
    second.pass(NOON + HOUR + MINUTE, NOON + HOUR + 2 * MINUTE)
    second.end()
    assert.deepEqual(all(path, 'SELECT state FROM connections'), [['orphaned']])
  })

  it('a downtime of ten days forgets no connection, and what it did then is counted', (t) => {
    const path = newFile(t)
    const first = new Process(path, NOON)
    first.hear({ connection: 1, upload: 5, start: NOON }, NOON + 1000)
    first.end()
    const later = NOON + 10 * DAY
    const second = new Process(path, later)
    second.hear({ connection: 1, upload: 9, start: NOON, final: true }, later)
    second.end()
    assert.deepEqual(all(path, 'SELECT sum(upload_bytes), sum(connections) FROM sni_totals'), [
      [9, 1],
    ])
    assert.deepEqual(all(path, 'SELECT state, upload_bytes FROM connections'), [['closed', 9]])
  })

  it('names that were used today still fill the budget, tomorrow they do not', (t) => {
    const path = newFile(t)
    const config = configWith({ names: { perWorkloadPerDay: 1, perDay: 100 } })
    const final = { upload: 1, start: NOON, final: true }
    const first = new Process(path, NOON, config)
    first.hear({ ...final, connection: 1, sni: 'a.example' }, NOON)
    first.end()
    const second = new Process(path, NOON + HOUR, config)
    second.hear({ ...final, connection: 2, sni: 'b.example' }, NOON + HOUR)
    second.hear({ ...final, connection: 3, sni: 'a.example' }, NOON + HOUR)
    second.hear({ ...final, connection: 4, sni: 'c.example' }, MIDNIGHT)
    second.end()
    assert.deepEqual(all(path, 'SELECT sni, connections FROM sni_totals ORDER BY sni'), [
      ['__other__', 1],
      ['a.example', 2],
      ['c.example', 1],
    ])
  })

  it('the newest start is that of all rows, and one absurdly far ahead is left out', (t) => {
    const path = newFile(t)
    const first = new Process(path, NOON)
    first.hear({ connection: 1, upload: 1, start: NOON - 5000 }, NOON)
    first.hear({ connection: 2, upload: 1, start: NOON - 7000 }, NOON)
    first.hear({ connection: 3, upload: 1, start: NOON + 30 * DAY }, NOON)
    assert.equal(first.commit().clock.newestStartMs, NOON - 5000)
    first.end()
    const second = new Process(path, NOON)
    assert.equal(second.pipeline.cut().clock.newestStartMs, NOON - 5000)
    second.end()
  })
})

describe('minutes_from', () => {
  const KEPT = defaultConfig().store.retention.minutesMs

  it('is told to the file with the batch after it moved: rows of the batch before may lie before it', (t) => {
    const path = newFile(t)
    const process = new Process(path, NOON)
    process.hear({ connection: 1, upload: 5, start: NOON, final: true }, NOON)
    process.pipeline.tick(NOON + KEPT + HOUR)
    assert.equal(process.pipeline.rollup.minutesFromMs, NOON + HOUR)
    const batch = process.commit()
    assert.ok(batch.clock.minutesFromMs < NOON)
    assert.deepEqual(all(path, USAGE), [['2026-11-24T12:00:00Z', '2026-11-24T12:01:00Z', 5]])
    process.pipeline.tick(NOON + KEPT + HOUR + 10_000)
    assert.equal(process.commit().clock.minutesFromMs, NOON + HOUR)
    assert.deepEqual(all(path, USAGE), [['2026-11-24T12:00:00Z', '2026-11-24T13:00:00Z', 5]])
    process.end()
  })

  it('holds after a restart, and no clock moves it back: later words are booked at it, late', (t) => {
    const path = newFile(t)
    const first = new Process(path, NOON)
    first.hear({ connection: 1, upload: 5, start: NOON }, NOON)
    first.pipeline.tick(NOON + KEPT + HOUR)
    first.commit()
    first.pipeline.tick(NOON + KEPT + HOUR + 10_000)
    first.end()
    const second = new Process(path, NOON)
    second.hear({ connection: 1, upload: 12, start: NOON, final: true }, NOON + 5000)
    assert.equal(second.pipeline.rollup.minutesFromMs, NOON + HOUR)
    assert.equal(second.pipeline.rollup.bookedLate, 2)
    second.end()
    assert.deepEqual(all(path, USAGE), [
      ['2026-11-24T12:00:00Z', '2026-11-24T13:00:00Z', 5],
      ['2026-11-24T13:00:00Z', '2026-11-24T13:01:00Z', 7],
    ])
  })

  it('stays where it is when minutes are to be kept longer from now on', (t) => {
    const path = newFile(t)
    const first = new Process(path, NOON)
    first.hear({ connection: 1, upload: 5, start: NOON }, NOON)
    first.pipeline.tick(NOON + KEPT + HOUR)
    first.commit()
    first.pipeline.tick(NOON + KEPT + HOUR + 10_000)
    first.end()
    const config = defaultConfig()
    const retention = { ...config.store.retention, minutesMs: 2 * KEPT }
    const longer = { ...config, store: { ...config.store, retention } }
    const second = new Process(path, NOON, longer)
    const later = NOON + KEPT + HOUR + 20_000
    second.hear({ connection: 2, upload: 7, start: NOON + 5000, final: true }, later)
    assert.equal(second.pipeline.rollup.minutesFromMs, NOON + HOUR)
    second.end()
    const [minutes] = all(path, 'SELECT min(window_ms) FROM usage_minute')
    assert.ok(Number(minutes?.[0]) >= NOON + HOUR)
    assert.deepEqual(all(path, 'SELECT sum(upload_bytes) FROM usage'), [[12]])
  })
})

describe('another window length', () => {
  it('begins at the next UTC midnight, in the middle of a delta, and loses none of it', (t) => {
    const path = newFile(t)
    const evening = MIDNIGHT - 2 * MINUTE
    const first = new Process(path, evening)
    first.hear({ connection: 1, upload: 0, start: evening }, evening)
    first.end()
    const second = new Process(path, evening, configWith({ windowSeconds: 900 }))
    // A byte a second, from two minutes before midnight to twenty after it.
    second.hear({ connection: 1, upload: 1320, start: evening }, MIDNIGHT + 20 * MINUTE)
    second.end()
    const windows = [
      ['2026-11-24T23:58:00Z', '2026-11-24T23:59:00Z', 60],
      ['2026-11-24T23:59:00Z', '2026-11-25T00:00:00Z', 60],
      ['2026-11-25T00:00:00Z', '2026-11-25T00:15:00Z', 900],
      ['2026-11-25T00:15:00Z', '2026-11-25T00:30:00Z', 300],
    ]
    assert.deepEqual(all(path, USAGE), windows)
    assert.deepEqual(
      all(
        path,
        'SELECT window_start, window_end, sum(entries) FROM coverage GROUP BY 1 ORDER BY 1',
      ),
      [
        ['2026-11-24T23:58:00Z', '2026-11-24T23:59:00Z', 1],
        ['2026-11-25T00:15:00Z', '2026-11-25T00:30:00Z', 1],
      ],
    )
    // Once it is in force another change waits for the next midnight.
    const third = new Process(path, MIDNIGHT + 20 * MINUTE)
    third.hear({ connection: 1, upload: 1380, start: evening }, MIDNIGHT + 21 * MINUTE)
    third.end()
    assert.deepEqual(all(path, USAGE), [
      ...windows.slice(0, 3),
      ['2026-11-25T00:15:00Z', '2026-11-25T00:30:00Z', 360],
    ])
  })
})
