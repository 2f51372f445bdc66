import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { queryConnections } from '../../src/query/connections.ts'
import { pageAsText, wholePage } from '../../src/query/page.ts'
import { openReader } from '../../src/query/reader.ts'
import { GROUP_COLUMNS, queryTotals } from '../../src/query/totals.ts'
import { Writer } from '../../src/store/writer.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const ORDERS = ['total', 'upload', 'download', 'connections', 'name'] as const
const HOUR_MS = 3_600_000

/** A reader of a file in which many rows tie, in every order. */
function reader(t: TestContext) {
  const path = join(temporaryFolder(t), 'file.db')
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  const pairs = Array.from({ length: 120 }, (_, index) => index)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: pairs.map((index) => ({
        sni: `name-${index % 40}.example`,
        workload: `workload-${Math.floor(index / 40)}`,
        windowMs: NOON + (index % 4) * HOUR_MS,
        upload: index % 3,
        download: index % 2,
        opened: 1,
      })),
      connections: pairs.map((id) => ({
        id,
        sni: `name-${id % 40}.example`,
        state: 1 + (id % 3),
        upload: id,
        download: 1,
        hop: id % 10 === 0,
        lastArrivalMs: NOON + (id % 5),
      })),
    }),
  )
  writer.close()
  const database = openReader(path)
  t.after(() => database.close())
  return database
}

const by = fc.subarray([...GROUP_COLUMNS])
const page = fc.record({
  limit: fc.option(fc.integer({ min: 1, max: 150 }), { nil: undefined }),
  offset: fc.integer({ min: 0, max: 150 }),
})

test('every page of totals is its part of all rows, and has the totals of all', (t) => {
  const database = reader(t)
  const asked = fc.record({
    by,
    order: fc.constantFrom(...ORDERS),
    descending: fc.boolean(),
    sni: fc.constantFrom(undefined, 'name-1*', 'absent*'),
    sinceMs: fc.constantFrom(undefined, NOON + HOUR_MS),
  })
  fc.assert(
    fc.property(asked, page, (query, { limit, offset }) => {
      const all = queryTotals(database, query)
      const part = queryTotals(database, { ...query, limit, offset })
      const end = limit === undefined ? undefined : offset + limit
      assert.deepEqual(part, { ...all, offset, rows: all.rows.slice(offset, end) })
      assert.equal(all.totalRows, all.rows.length)
    }),
    { numRuns: 150 },
  )
})

test('every page of connections is its part of all rows, and has the totals of all', (t) => {
  const database = reader(t)
  const asked = fc.record({
    state: fc.constantFrom(undefined, 'open', 'closed', 'orphaned'),
    sni: fc.constantFrom(undefined, 'name-1*', 'absent*'),
  })
  fc.assert(
    fc.property(asked, page, (query, { limit, offset }) => {
      const all = queryConnections(database, query)
      const part = queryConnections(database, { ...query, limit, offset })
      const end = limit === undefined ? undefined : offset + limit
      assert.deepEqual(part, { ...all, offset, rows: all.rows.slice(offset, end) })
      const sum = (column: string, of = all.rows): bigint =>
        of.reduce((total, row) => total + BigInt(row[all.columns.indexOf(column)] ?? 0), 0n)
      const hops = all.rows.filter((row) => row[all.columns.indexOf('hop')] === 1n)
      assert.deepEqual(all.totals, {
        upload_bytes: sum('upload_bytes'),
        download_bytes: sum('download_bytes'),
        hop_bytes: sum('upload_bytes', hops) + sum('download_bytes', hops),
      })
    }),
    { numRuns: 100 },
  )
  assert.deepEqual(queryConnections(database, { limit: 1 }).totals, {
    upload_bytes: 7140n,
    download_bytes: 120n,
    hop_bytes: 672n,
  })
})

test('a page as text says whether more rows follow, and where they begin', () => {
  const rows = [
    ['a', 1n],
    ['b', 2n],
  ]
  const whole = wholePage({ columns: ['sni', 'upload_bytes'], rows }, ['upload_bytes'])
  assert.deepEqual(pageAsText(whole), {
    columns: ['sni', 'upload_bytes'],
    rows: [
      ['a', '1'],
      ['b', '2'],
    ],
    total_rows: 2,
    truncated: false,
    next_offset: null,
    totals: { upload_bytes: '3' },
  })
  const first = pageAsText({ ...whole, rows: rows.slice(0, 1), totalRows: 9, offset: 3 })
  assert.deepEqual([first.truncated, first.next_offset], [true, 4])
  const behind = pageAsText({ ...whole, rows: [], totalRows: 9, offset: 12 })
  assert.deepEqual([behind.truncated, behind.next_offset], [false, null])
})

test('totals of all rows stop at 2^63-1, as the rows do', () => {
  const most = 2n ** 63n - 1n
  const rows = [[most], [1n]]
  assert.equal(
    wholePage({ columns: ['upload_bytes'], rows }, ['upload_bytes']).totals['upload_bytes'],
    most,
  )
})
