import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { queryConnections } from '../../src/query/connections.ts'
import { openReader } from '../../src/query/reader.ts'
import { parseTime } from '../../src/query/time-range.ts'
import { type GroupColumn, queryTotals } from '../../src/query/totals.ts'
import { Zone } from '../../src/runtime/zone.ts'
import { Writer } from '../../src/store/writer.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const HOUR_MS = 3_600_000
const at = (iso: string): number => Date.parse(iso)

function fileOf(t: TestContext, windows: readonly number[], startMs = NOON) {
  const path = join(temporaryFolder(t), 'file.db')
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: windows.map((windowMs, index) => ({ windowMs, upload: 2 ** index })),
      connections: [{ id: 1, startMs, lastArrivalMs: startMs + 250 }],
    }),
  )
  writer.close()
  const database = openReader(path)
  t.after(() => database.close())
  return database
}

test('times of a zone are its midnights and its clock', () => {
  const zone = Zone.of('America/New_York')
  // 2026-11-02T03:00Z is still the first of November there, the day that has 25 hours.
  const now = at('2026-11-02T03:00:00Z')
  const time = (text: string): string => new Date(parseTime(text, now, zone)).toISOString()
  assert.equal(time('today'), '2026-11-01T04:00:00.000Z')
  assert.equal(time('yesterday'), '2026-10-31T04:00:00.000Z')
  assert.equal(time('2026-11-02'), '2026-11-02T05:00:00.000Z')
  assert.equal(time('2026-11-02T08:15'), '2026-11-02T13:15:00.000Z')
  assert.equal(time('2026-11-02T08:15Z'), '2026-11-02T08:15:00.000Z')
  assert.equal(time('2026-11-02T08:15+08:00'), '2026-11-02T00:15:00.000Z')
  assert.equal(time('-1h'), '2026-11-02T02:00:00.000Z')
})

test('days and hours are those of the zone, also where the clocks change', (t) => {
  const database = fileOf(t, [
    at('2026-11-01T03:59:00Z'),
    at('2026-11-01T04:00:00Z'),
    at('2026-11-01T05:30:00Z'),
    at('2026-11-01T06:30:00Z'),
    at('2026-11-02T04:59:00Z'),
    at('2026-11-02T05:00:00Z'),
  ])
  const rows = (by: GroupColumn[], zone?: string) =>
    queryTotals(database, { by, zone, order: 'name', descending: false }).rows.map((row) =>
      row.slice(0, by.length + 1),
    )
  assert.deepEqual(rows(['day'], 'America/New_York'), [
    ['2026-10-31', 1n],
    ['2026-11-01', 2n + 4n + 8n + 16n],
    ['2026-11-02', 32n],
  ])
  assert.deepEqual(rows(['hour'], 'America/New_York'), [
    ['2026-10-31T23:00:00-04:00', 1n],
    ['2026-11-01T00:00:00-04:00', 2n],
    ['2026-11-01T01:00:00-04:00', 4n],
    ['2026-11-01T01:00:00-05:00', 8n],
    ['2026-11-01T23:00:00-05:00', 16n],
    ['2026-11-02T00:00:00-05:00', 32n],
  ])
  assert.deepEqual(rows(['day', 'hour'], 'Asia/Kolkata').at(-1), [
    '2026-11-02',
    '2026-11-02T10:30:00+05:30',
    32n,
  ])
  assert.deepEqual(rows(['day']), [
    ['2026-11-01', 15n],
    ['2026-11-02', 48n],
  ])
})

test('every window is in the day that a calendar of its zone says', (t) => {
  const windows = Array.from(
    { length: 40 },
    (_, index) => at('2026-01-01T00:00Z') + index * 211 * HOUR_MS,
  )
  const database = fileOf(t, windows)
  const zones = Intl.supportedValuesOf('timeZone')
  fc.assert(
    fc.property(fc.constantFrom(...zones), (zone) => {
      const expected = new Map<string, bigint>()
      for (const [index, ms] of windows.entries()) {
        const day = new Date(ms).toLocaleDateString('sv-SE', { timeZone: zone })
        expected.set(day, (expected.get(day) ?? 0n) + 2n ** BigInt(index))
      }
      const { rows } = queryTotals(database, {
        by: ['day'],
        zone,
        order: 'name',
        descending: false,
      })
      assert.deepEqual(
        rows.map(([day, upload]) => [day, upload]),
        [...expected],
      )
    }),
    { numRuns: 60 },
  )
})

test('times of connections are those of the zone', (t) => {
  const database = fileOf(t, [NOON], at('2026-07-01T16:00:00.125Z'))
  const { columns, rows } = queryConnections(database, { zone: 'Asia/Shanghai' })
  const cells = ['started_at', 'last_seen_at'].map((column) => rows[0]?.[columns.indexOf(column)])
  assert.deepEqual(cells, ['2026-07-02T00:00:00.125+08:00', '2026-07-02T00:00:00.375+08:00'])
})
