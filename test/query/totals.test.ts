import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { queryConnections } from '../../src/query/connections.ts'
import { parseTime } from '../../src/query/time-range.ts'
import { openReader, queryTotals, type TotalsQuery } from '../../src/query/totals.ts'
import { Writer } from '../../src/store/writer.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'snimeter-query-'))
const path = join(folder, 'file.db')
after(() => rmSync(folder, { recursive: true, force: true }))

before(() => {
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
      usage: [
        { sni: 'a.oss-cn-shanghai.aliyuncs.com', upload: 100, download: 10, opened: 1 },
        { sni: 'b.oss-cn-shanghai.aliyuncs.com', upload: 1, download: 500, opened: 2 },
        { sni: 'refused.example', opened: 3 },
        {
          sni: 'a.oss-cn-shanghai.aliyuncs.com',
          workload: 'trainer',
          windowMs: NOON + 3_600_000,
          upload: 7,
          opened: 1,
        },
      ],
      connections: [
        { id: 1, sni: 'a.oss-cn-shanghai.aliyuncs.com', lastArrivalMs: NOON + 1 },
        { id: 2, sni: 'refused.example', state: 2, lastArrivalMs: NOON + 2 },
      ],
    }),
  )
  writer.close()
})

function totals(query: Partial<TotalsQuery>) {
  const database = openReader(path)
  try {
    return queryTotals(database, { by: ['sni'], order: 'total', descending: true, ...query })
  } finally {
    database.close()
  }
}

describe('totals', () => {
  it('are lifetime sums by default, largest first, names without bytes included', () => {
    assert.deepEqual(totals({}), {
      columns: ['sni', 'upload_bytes', 'download_bytes', 'connections'],
      rows: [
        ['b.oss-cn-shanghai.aliyuncs.com', 1n, 500n, 2n],
        ['a.oss-cn-shanghai.aliyuncs.com', 107n, 10n, 2n],
        ['refused.example', 0n, 0n, 3n],
      ],
      totalRows: 3,
      offset: 0,
      totals: { upload_bytes: 108n, download_bytes: 510n, connections: 7n },
    })
  })

  it('by workload show all that tells two workloads of one name apart', () => {
    const { columns, rows } = totals({
      by: ['workload', 'sni'],
      sni: 'A.*',
      order: 'name',
      descending: false,
    })
    assert.deepEqual(columns, [
      'cluster',
      'namespace',
      'workload_kind',
      'workload',
      'sni',
      'upload_bytes',
      'download_bytes',
      'connections',
    ])
    assert.deepEqual(rows, [
      ['c1', 'default', 'Deployment', 'shop', 'a.oss-cn-shanghai.aliyuncs.com', 100n, 10n, 1n],
      ['c1', 'default', 'Deployment', 'trainer', 'a.oss-cn-shanghai.aliyuncs.com', 7n, 0n, 1n],
    ])
  })

  it('filter by globs on name, workload and namespace', () => {
    assert.equal(totals({ sni: '*.oss-cn-shanghai.aliyuncs.com' }).rows.length, 2)
    assert.equal(totals({ workload: 'train*' }).rows.length, 1)
    assert.equal(totals({ workload: 'default/trainer' }).rows.length, 1)
    assert.equal(totals({ workload: 'other/trainer' }).rows.length, 0)
    assert.equal(totals({ namespace: 'default' }).rows.length, 3)
    assert.equal(totals({ sni: "x' OR 1=1 --" }).rows.length, 0)
  })

  it('in a range are sums over the windows that begin in it', () => {
    assert.deepEqual(totals({ sinceMs: NOON + 60_000 }).rows, [
      ['a.oss-cn-shanghai.aliyuncs.com', 7n, 0n, 1n],
    ])
    assert.deepEqual(
      totals({ by: ['hour'], order: 'name', descending: false, untilMs: NOON + 60_000 }).rows,
      [['2026-11-24T12:00:00Z', 101n, 510n, 6n]],
    )
    assert.deepEqual(totals({ by: ['day'] }).rows, [['2026-11-24', 108n, 510n, 7n]])
  })

  it('are limited and ordered as asked', () => {
    assert.deepEqual(
      totals({ order: 'connections', limit: 1 }).rows.map(([sni]) => sni),
      ['refused.example'],
    )
    assert.deepEqual(
      totals({ order: 'upload', descending: false }).rows.map(([, upload]) => upload),
      [0n, 1n, 107n],
    )
  })
})

it('an empty file has totals of nothing', () => {
  const empty = join(folder, 'empty.db')
  const retention = { hoursMs: 1e12, connectionsMs: 1e12 }
  const writer = new Writer({ path: empty, windowSeconds: 60, changeWindows: true, retention })
  writer.open(NOON)
  writer.close()
  const database = openReader(empty)
  const all = { order: 'total', descending: true } as const
  assert.deepEqual(queryTotals(database, { by: [], ...all }).rows, [[0n, 0n, 0n]])
  assert.deepEqual(queryTotals(database, { by: ['sni'], ...all }).rows, [])
  database.close()
})

describe('connections', () => {
  it('are the rows of the view, with its columns', () => {
    const database = openReader(path)
    const view = database.prepare('SELECT * FROM connections ORDER BY last_seen_at DESC').raw()
    const { columns, rows } = queryConnections(database, { limit: 10 })
    assert.deepEqual(rows, view.all())
    assert.deepEqual(
      columns,
      view.columns().map(({ name }) => name),
    )
    database.close()
  })

  it('come newest first, in a state, of a name, of a workload', () => {
    const database = openReader(path)
    const names = (query: object) =>
      queryConnections(database, { limit: 10, ...query }).rows.map((row) => row[6])
    assert.deepEqual(names({}), ['refused.example', 'a.oss-cn-shanghai.aliyuncs.com'])
    assert.deepEqual(names({ state: 'open' }), ['a.oss-cn-shanghai.aliyuncs.com'])
    assert.deepEqual(names({ state: 'orphaned' }), [])
    assert.deepEqual(names({ sni: 'refused.*' }), ['refused.example'])
    assert.deepEqual(names({ sni: 'Refused.*', workload: 'default/shop' }), ['refused.example'])
    assert.deepEqual(names({ workload: 'sho?', namespace: 'def*', limit: 1 }), ['refused.example'])
    assert.deepEqual(names({ workload: 'other/shop' }), [])
    database.close()
  })
})

describe('a reader', () => {
  it('says what is wrong with a file that is none', () => {
    const garbage = join(folder, 'garbage')
    writeFileSync(garbage, 'x'.repeat(5000))
    assert.throws(() => openReader(garbage), { code: 'not_a_snimeter_file' })
    assert.throws(() => openReader(join(folder, 'absent')), { code: 'no_file' })
  })
})

describe('times', () => {
  it('are read as people write them', () => {
    const now = NOON + 5000
    for (const [text, expected] of [
      ['now', now],
      ['today', NOON - 43_200_000],
      ['yesterday', NOON - 129_600_000],
      ['-1h', now - 3_600_000],
      ['-3d', now - 259_200_000],
      ['2026-11-24', NOON - 43_200_000],
      ['2026-11-24T12:00', NOON],
      ['2026-11-24 12:00:00.5', NOON + 500],
      ['2026-11-24T14:00+02:00', NOON],
      ['2024-02-29t12:00z', Date.UTC(2024, 1, 29, 12)],
    ] as const) {
      assert.equal(parseTime(text, now), expected, text)
    }
  })

  it('that are none are refused with what can be written', () => {
    for (const text of [
      '2026-02-30',
      '2026-04-31T10:00',
      '',
      '1h',
      '-1y',
      '2026-13-45',
      'tomorrow',
      '2026-11-24T99:00',
    ]) {
      assert.throws(() => parseTime(text, 0), /is no time; write -1h/, text)
    }
  })
})
