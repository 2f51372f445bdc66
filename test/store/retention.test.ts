import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { Writer } from '../../src/store/writer.ts'
import { type BatchContent, keyOf, makeBatch, NOON } from './batch-fixture.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const folder = mkdtempSync(join(tmpdir(), 'snimeter-retention-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

/** A file, its writer, and a look at it. */
function makeFile(maxCoverageRows?: number) {
  const path = join(folder, `file-${++files}.db`)
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: {
      hoursMs: 400 * DAY,
      connectionsMs: 7 * DAY,
      ...(maxCoverageRows === undefined ? {} : { maxCoverageRows }),
    },
  })
  writer.open(NOON)
  let sequence = 0
  return {
    writer,
    apply: (content: Omit<BatchContent, 'sequence'>) =>
      writer.apply(makeBatch({ ...content, sequence: ++sequence })),
    tidy: () => {
      let slices = 0
      while (writer.tidy()) slices++
      return slices
    },
    all: (sql: string) => {
      const database = new Database(path, { readonly: true })
      const rows = database.prepare(sql).all()
      database.close()
      return rows
    },
  }
}

describe('compaction', () => {
  it('moves minutes before minutes_from into hours, and leaves the others', () => {
    const f = makeFile()
    const minute = (n: number) => NOON + n * 60_000
    f.apply({
      usage: [
        { windowMs: minute(0), upload: 1, opened: 1 },
        { windowMs: minute(59), upload: 2, download: 5, closed: 1 },
        { windowMs: minute(60), upload: 4, estimated: 4 },
        { windowMs: minute(120), upload: 8 },
      ],
    })
    f.apply({ clock: { minutesFromMs: minute(120) } })
    assert.equal(f.tidy(), 3)
    const columns = 'window_start, window_end, upload_bytes, download_bytes, estimated_bytes'
    assert.deepEqual(
      f
        .all(`SELECT ${columns} FROM usage ORDER BY window_start`)
        .map((row) => Object.values(row as object)),
      [
        ['2026-11-24T12:00:00Z', '2026-11-24T13:00:00Z', 3, 5, 0],
        ['2026-11-24T13:00:00Z', '2026-11-24T14:00:00Z', 4, 0, 4],
        ['2026-11-24T14:00:00Z', '2026-11-24T14:01:00Z', 8, 0, 0],
      ],
    )
    f.writer.close()
  })

  it('changes no total, whatever was booked and wherever the mark stands', () => {
    const increment = fc.record({
      windowMs: fc.integer({ min: 0, max: 600 }).map((n) => NOON - 5 * HOUR + n * 60_000),
      sni: fc.constantFrom('a.example', 'b.example'),
      upload: fc.integer({ min: 0, max: 2 ** 50 }),
      download: fc.integer({ min: 0, max: 2 ** 50 }),
      opened: fc.nat(3),
    })
    const batches = fc.array(fc.array(increment, { maxLength: 10 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(batches, fc.integer({ min: 0, max: 12 }), (contents, hours) => {
        const f = makeFile()
        const views = ['usage', 'usage_hourly', 'usage_daily']
        const sums = (view: string) =>
          f.all(
            `SELECT sni, sum(upload_bytes) AS up, sum(download_bytes) AS down, sum(connections_opened) AS n FROM ${view} GROUP BY sni ORDER BY sni`,
          )
        for (const usage of contents) f.apply({ usage })
        const before = views.map(sums)
        const hourly = f.all('SELECT * FROM usage_hourly ORDER BY window_start, sni')
        f.apply({ clock: { minutesFromMs: NOON - 5 * HOUR + hours * HOUR } })
        f.tidy()
        assert.deepEqual(views.map(sums), before)
        assert.deepEqual(f.all('SELECT * FROM usage_hourly ORDER BY window_start, sni'), hourly)
        const totals = f.all(
          'SELECT sni, upload_bytes AS up, download_bytes AS down, connections AS n FROM sni_totals ORDER BY sni',
        )
        for (const view of before) assert.deepEqual(view, totals)
        f.writer.close()
      }),
      { numRuns: 15 },
    )
  })

  it('keeps the counts of coverage', () => {
    const f = makeFile()
    f.apply({
      coverage: [
        { windowMs: NOON, entries: 5, hopBytes: 8, rejected: { shed: 2 } },
        { windowMs: NOON + 60_000, entries: 7, hopBytes: 1, rejected: { shed: 1, no_room: 1 } },
      ],
    })
    f.apply({ clock: { minutesFromMs: NOON + HOUR } })
    f.tidy()
    assert.deepEqual(f.all('SELECT window_end, entries, hop_bytes, rejected FROM coverage'), [
      {
        window_end: '2026-11-24T13:00:00Z',
        entries: 12,
        hop_bytes: 9,
        rejected: '{"shed":3,"no_room":1}',
      },
    ])
    f.writer.close()
  })
})

describe('retention', () => {
  it('deletes hours after their time and keeps the lifetime totals', () => {
    const f = makeFile()
    f.apply({ usage: [{ windowMs: NOON, upload: 5, opened: 1 }] })
    f.apply({ clock: { minutesFromMs: NOON + HOUR, newestMs: NOON + HOUR } })
    f.tidy()
    assert.equal(f.all('SELECT * FROM usage').length, 1)
    f.apply({ clock: { newestMs: NOON + 400 * DAY + 1 } })
    f.tidy()
    assert.deepEqual(f.all('SELECT * FROM usage'), [])
    assert.deepEqual(f.all('SELECT upload_bytes, connections FROM sni_totals'), [
      { upload_bytes: 5, connections: 1 },
    ])
    f.writer.close()
  })

  it('deletes connections seven days of ledger time after they last spoke, and remembers until when', () => {
    const f = makeFile()
    f.apply({
      connections: [
        { id: 1, state: 2, lastLedgerMs: 0, lastArrivalMs: NOON + 5 },
        { id: 2, state: 2, lastLedgerMs: 1000, lastArrivalMs: NOON + 9 },
      ],
    })
    f.apply({ clock: { ledgerMs: 7 * DAY + 500 } })
    f.tidy()
    assert.deepEqual(
      f.writer
        .find(keyOf(1))
        .concat(f.writer.find(keyOf(2)))
        .map((row) => row !== undefined),
      [false, true],
    )
    assert.equal(f.writer.open(NOON).forgottenBeforeMs, NOON + 5)
    f.writer.close()
  })

  it('shows an orphan in coverage while it is one, and for good once its row is deleted', () => {
    const f = makeFile()
    const orphans = () =>
      f.all(
        'SELECT window_start, sum(connections_orphaned) AS n, sum(estimated_lost_bytes) AS lost FROM coverage WHERE connections_orphaned > 0',
      )
    const row = { id: 1, momentMs: NOON + 90_000, lost: 300 }
    f.apply({ connections: [{ ...row, state: 3 }] })
    assert.deepEqual(orphans(), [{ window_start: '2026-11-24T12:01:00Z', n: 1, lost: 300 }])
    f.apply({ connections: [{ ...row, state: 1, lost: 0 }] })
    assert.deepEqual(orphans(), [{ window_start: null, n: null, lost: null }])
    f.apply({ connections: [{ ...row, state: 3 }], clock: { ledgerMs: 8 * DAY } })
    f.tidy()
    assert.deepEqual(f.all('SELECT * FROM connections'), [])
    assert.deepEqual(orphans(), [{ window_start: '2026-11-24T12:00:00Z', n: 1, lost: 300 }])
    f.writer.close()
  })

  it('keeps a bounded number of coverage rows: old minutes become hours, old hours go', () => {
    const f = makeFile(100)
    const counts = () =>
      f.all(`SELECT (SELECT count(*) FROM coverage_minute) AS minutes,
                    (SELECT count(*) FROM coverage_hour) AS hours,
                    (SELECT sum(entries) FROM coverage) AS entries`)[0]
    for (let minute = 0; minute < 300; minute++) {
      const windowMs = NOON + minute * 60_000
      f.apply({
        coverage: [{ windowMs, entries: 1 }],
        clock: { newestMs: windowMs },
      })
      f.tidy()
    }
    // A hundred settled minutes and the eleven that are not yet; nothing is lost to hours.
    assert.deepEqual(counts(), { minutes: 111, hours: 4, entries: 300 })
    f.writer.close()
  })
})
