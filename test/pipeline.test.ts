import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { defaultConfig } from '../src/config/load.ts'
import { PairReader } from '../src/model/used-pairs.ts'
import { Pipeline, type PipelineStream } from '../src/pipeline.ts'
import { Writer } from '../src/store/writer.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MINUTE = 60_000
const folder = mkdtempSync(join(tmpdir(), 'snimeter-pipeline-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

interface Word {
  readonly connection: number
  readonly upload: number
  readonly download: number
  readonly final: boolean
  readonly at: number
}

const entryOf = (word: Word) =>
  tcpEntry({
    streamId: `00000000-0000-4000-8000-00000000000${word.connection}`,
    type: word.final ? 3 : 2,
    sni: `name-${word.connection % 2}.example`,
    startMs: NOON,
    upload: word.upload,
    download: word.download,
    ...(word.final ? { durationMs: word.at } : {}),
  })

/** A process (pipeline) over a file (writer) that can die and come back. */
class Life {
  readonly path = join(folder, `file-${++files}.db`)
  readonly #writer = new Writer({
    path: this.path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 7 * 86_400_000 },
  })
  #pipeline = this.#begin()
  #stream: PipelineStream | undefined

  /** Several words in one message, as they arrive at `at` ms after noon. */
  hear(words: readonly Word[], at: number): void {
    const first = this.#stream === undefined
    this.#stream ??= this.#pipeline.openStream()
    const message = tcpMessage(words.map(entryOf), first ? SHOP_SIDECAR : undefined)
    this.#pipeline.message(this.#stream, message, NOON + at)
    for (;;) {
      const keys = this.#pipeline.held.takeQuestions()
      if (keys.length === 0) return
      this.#pipeline.answer(keys, this.#writer.find(keys))
    }
  }

  commit(): void {
    this.#writer.apply(this.#pipeline.cut())
    this.#pipeline.committed(Number.MAX_SAFE_INTEGER)
    while (this.#writer.tidy()) {
      // Slices of compaction and retention until there is nothing left to do.
    }
  }

  /** kill -9: whatever was not committed is gone. */
  crash(): void {
    this.#stream = undefined
    this.#pipeline = this.#begin()
  }

  look(sql: string): Record<string, unknown>[] {
    const database = new Database(this.path, { readonly: true })
    const rows = database.prepare(sql).all() as Record<string, unknown>[]
    database.close()
    return rows
  }

  close(): void {
    this.#writer.close()
  }

  #begin(): Pipeline {
    const opening = this.#writer.open(NOON)
    const pipeline = new Pipeline(defaultConfig(), opening)
    pipeline.restore(
      this.#writer.loadOpen(1000),
      new PairReader().read(this.#writer.pairsBetween(0, 2 ** 50)),
      NOON,
    )
    return pipeline
  }
}

const words = fc.array(
  fc.record({
    connection: fc.integer({ min: 1, max: 5 }),
    upload: fc.integer({ min: 0, max: 100_000 }),
    download: fc.integer({ min: 0, max: 100_000 }),
    final: fc.boolean(),
    at: fc.integer({ min: 0, max: 40 * MINUTE }),
  }),
  { minLength: 1, maxLength: 25 },
)

/** The highest counters of each connection, added up per name. */
function expectedTotals(heard: readonly Word[]): Record<string, unknown>[] {
  const names = new Map<string, { upload: number; download: number; connections: number }>()
  const ids = [...new Set(heard.map((word) => word.connection))]
  for (const id of ids) {
    const own = heard.filter((word) => word.connection === id)
    const name = `name-${id % 2}.example`
    const sum = names.get(name) ?? { upload: 0, download: 0, connections: 0 }
    sum.upload += Math.max(...own.map((word) => word.upload))
    sum.download += Math.max(...own.map((word) => word.download))
    sum.connections++
    names.set(name, sum)
  }
  return [...names].map(([sni, sum]) => ({ sni, ...sum })).sort((a, b) => (a.sni < b.sni ? -1 : 1))
}

const TOTALS =
  'SELECT sni, upload_bytes AS upload, download_bytes AS download, connections FROM sni_totals ORDER BY sni'
const grouped = (view: string) =>
  `SELECT sni, sum(upload_bytes) AS upload, sum(download_bytes) AS download,
          sum(connections_opened) AS connections FROM ${view} GROUP BY sni ORDER BY sni`
const LEDGER =
  'SELECT sni, sum(upload_bytes) AS upload, sum(download_bytes) AS download, count(*) AS connections FROM connections GROUP BY sni ORDER BY sni'

describe('laws of the whole path, from bytes to views', () => {
  it('ledger, usage and views agree after any sequence with commits and crashes in between', () => {
    const events = fc.array(fc.constantFrom('go on', 'commit', 'crash', 'commit and crash'))
    fc.assert(
      fc.property(words, events, (heard, between) => {
        const life = new Life()
        const inOrder = heard.toSorted((a, b) => a.at - b.at)
        inOrder.forEach((word, i) => {
          life.hear([word], word.at)
          if (between[i]?.includes('commit') === true) life.commit()
          if (between[i]?.includes('crash') === true) life.crash()
        })
        // Every connection speaks once more, with all it ever said.
        for (const word of heard) life.hear([{ ...word, final: true }], 41 * MINUTE)
        life.commit()
        const totals = expectedTotals(heard)
        assert.deepEqual(life.look(TOTALS), totals)
        for (const view of ['usage', 'usage_hourly', 'usage_daily']) {
          assert.deepEqual(life.look(grouped(view)), totals, view)
        }
        assert.deepEqual(life.look(LEDGER), totals)
        life.close()
      }),
      { numRuns: 60 },
    )
  })

  it('duplicates, any order inside a connection and any split into messages give the same totals', () => {
    const shuffles = fc.array(fc.nat(), { minLength: 1 })
    fc.assert(
      fc.property(words, shuffles, fc.integer({ min: 1, max: 7 }), (heard, picks, size) => {
        const life = new Life()
        const all = [...picks.map((n) => heard[n % heard.length] as Word), ...heard]
        for (let i = 0; i < all.length; i += size) {
          life.hear(all.slice(i, i + size), i * 1000)
        }
        life.commit()
        assert.deepEqual(life.look(TOTALS), expectedTotals(heard))
        life.close()
      }),
      { numRuns: 60 },
    )
  })

  it('entries received are those applied plus those refused, by reason', () => {
    const life = new Life()
    const word = { connection: 1, upload: 1, download: 1, final: false, at: 0 }
    const unknownType = tcpEntry({ type: 99, streamId: 'x' })
    const damaged = Buffer.of(10, 200, 1)
    const pipeline = new Pipeline(defaultConfig(), {
      ledgerId: '',
      lastSequence: 0,
      clock: { ledgerMs: 0, newestMs: 0, minutesFromMs: 0, newestStartMs: 0 },
      forgottenBeforeMs: 0,
      minutesHoldMs: Number.MAX_SAFE_INTEGER,
      windowLengths: [{ fromMs: 0, seconds: 60 }],
    })
    const stream = pipeline.openStream()
    pipeline.message(stream, tcpMessage([entryOf(word), unknownType, damaged], SHOP_SIDECAR), NOON)
    const { coverage } = pipeline.cut()
    const rejected = Object.fromEntries(
      coverage.reasons
        .map((reason, i) => [reason, coverage.rejected[i]] as const)
        .filter(([, count]) => count !== 0),
    )
    assert.equal(coverage.entries[0], 3)
    assert.deepEqual(rejected, { malformed_entry: 1, unknown_type: 1 })
    life.close()
  })
})

describe('streams', () => {
  it('that never say who they are are counted, under an explicit unknown workload', () => {
    const pipeline = new Pipeline(defaultConfig(), {
      ledgerId: '',
      lastSequence: 0,
      clock: { ledgerMs: 0, newestMs: 0, minutesFromMs: 0, newestStartMs: 0 },
      forgottenBeforeMs: 0,
      minutesHoldMs: Number.MAX_SAFE_INTEGER,
      windowLengths: [{ fromMs: 0, seconds: 60 }],
    })
    const stream = pipeline.openStream()
    const word = { connection: 1, upload: 7, download: 1, final: true, at: 10 }
    pipeline.message(stream, tcpMessage([entryOf(word)]), NOON + 10)
    const batch = pipeline.cut()
    assert.equal(pipeline.streamsWithoutIdentifier, 1)
    assert.equal(batch.usage.upload[0], 7)
    assert.deepEqual(
      batch.definitions.workloads.map(({ workload }) => workload.name),
      ['__unknown__'],
    )
  })
})
