import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { columnsOf } from '../../src/cli/query.ts'
import { Store } from '../../src/store/store.ts'
import { Writer } from '../../src/store/writer.ts'
import { runCommand } from '../helpers/command.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const HOUR_MS = 3_600_000

/** A file with three names, two workloads and three connections. */
async function filledFile(t: TestContext): Promise<string> {
  const path = join(temporaryFolder(t), 'a.db')
  const store = new Store({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 400 * 24 * HOUR_MS, connectionsMs: 168 * HOUR_MS },
  })
  await store.open(NOON)
  await store.commit(
    makeBatch({
      sequence: 1,
      usage: [
        { workload: 'shop', sni: 'a.example', upload: 2 ** 40 + 1, download: 5, opened: 2 },
        { workload: 'ml', sni: 'a.example', upload: 7, opened: 1 },
        { workload: 'ml', sni: 'b.oss.example', download: 1024, windowMs: NOON - HOUR_MS },
        { workload: 'ml', sni: '', opened: 1 },
      ],
      connections: [
        { id: 1, sni: 'a.example', upload: 2 ** 40 + 1, state: 1 },
        { id: 2, sni: 'b.oss.example', download: 1024, state: 2 },
      ],
    }),
  )
  await store.stop()
  return path
}

test('query prints exact totals as CSV, largest first', async (t) => {
  const db = await filledFile(t)
  const { code, stdout, stderr } = await runCommand(['query', '--db', db, '--format', 'csv'])
  assert.equal(stderr, '')
  assert.equal(code, 0)
  assert.equal(
    stdout,
    [
      'sni,upload_bytes,download_bytes,connections',
      'a.example,1099511627784,5,3',
      'b.oss.example,0,1024,0',
      ',0,0,1',
      '',
    ].join('\n'),
  )
})

test('query groups by workload and name, filters, orders, limits and takes times', async (t) => {
  const db = await filledFile(t)
  const csv = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand([
      'query',
      '--db',
      db,
      '--format',
      'csv',
      ...args,
    ])
    assert.equal(code, 0, stderr)
    return stdout.trimEnd().split('\n').slice(1)
  }
  assert.deepEqual(await csv('--by', 'workload,sni', '--workload', 'ml', '--order', 'name'), [
    'c1,default,Deployment,ml,,0,0,1',
    'c1,default,Deployment,ml,a.example,7,0,1',
    'c1,default,Deployment,ml,b.oss.example,0,1024,0',
  ])
  assert.deepEqual(await csv('--sni', '*.OSS.example'), ['b.oss.example,0,1024,0'])
  assert.deepEqual(await csv('--order', 'download', '--limit', '1'), ['b.oss.example,0,1024,0'])
  assert.deepEqual(await csv('--until', '2026-11-24T12:00Z'), ['b.oss.example,0,1024,0'])
  assert.deepEqual(await csv('--since', '2026-11-25'), [])
  assert.deepEqual(await csv('--until', '-3650d', '--by', 'namespace'), [])
})

test('query shows a table for people, and JSON for programs', async (t) => {
  const db = await filledFile(t)
  const table = await runCommand(['query', '--db', db, '--by', 'workload,sni', '--sni', 'a*'])
  assert.equal(
    table.stdout,
    [
      'WORKLOAD      SNI         UPLOAD  DOWNLOAD  CONNECTIONS',
      'default/shop  a.example  1.0 TiB       5 B            2',
      'default/ml    a.example      7 B       0 B            1',
      '────────────  ─────────  ───────  ────────  ───────────',
      '2 rows                   1.0 TiB       5 B            3',
      '',
    ].join('\n'),
  )
  const json = await runCommand(['query', '--db', db, '--format', 'json', '--limit', '1'])
  assert.deepEqual(JSON.parse(json.stdout), [
    { sni: 'a.example', upload_bytes: '1099511627784', download_bytes: '5', connections: '3' },
  ])
})

test('query tells what it was asked wrongly with code 2, and what it cannot read with code 1', async (t) => {
  const db = await filledFile(t)
  const text = join(temporaryFolder(t), 'notes.txt')
  writeFileSync(text, 'no database, but long enough to be taken for one. '.repeat(20))
  const wrong: [number, string[], RegExp][] = [
    [2, ['--by', 'colour'], /--by colour is not a column; use some of sni, /],
    [2, ['--since', 'soon'], /--since: "soon" is no time; write -1h/],
    [2, ['--since', 'today', '--until', 'yesterday'], /--since is not before --until/],
    [2, ['--tz', 'Mars/Olympus'], /"Mars\/Olympus" is no time zone; write a name of the IANA/],
    [2, ['--units', 'TB'], /Allowed choices are GiB, GB/],
    [2, ['--order', 'size'], /Allowed choices are total, /],
    [1, ['--db', text], /notes\.txt is damaged or no SQLite file/],
    [1, ['--db', `${db}.absent`], /absent cannot be read/],
  ]
  for (const [expected, args, message] of wrong) {
    const { code, stdout, stderr } = await runCommand(['query', '--db', db, ...args])
    assert.equal(code, expected, stderr)
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

test('query finds the file by the configuration', async (t) => {
  const env = { SNIMETER_STORE_PATH: await filledFile(t) }
  const { code, stdout } = await runCommand(['query', '--limit', '1', '--format', 'csv'], env)
  assert.equal(code, 0)
  assert.match(stdout, /\na\.example,/)
})

test('connections reads a file as well', async (t) => {
  const db = await filledFile(t)
  const { stdout } = await runCommand([
    'connections',
    '--db',
    db,
    '--state',
    'open',
    '--format',
    'json',
  ])
  const rows = JSON.parse(stdout) as Record<string, string>[]
  assert.equal(rows.length, 1)
  assert.equal(rows[0]?.['sni'], 'a.example')
  assert.equal(rows[0]?.['upload_bytes'], '1099511627777')
  assert.equal(rows[0]?.['connection_id'], '00000000-0000-0000-0000-000000000001')
  const table = await runCommand(['connections', '--db', db])
  assert.match(
    table.stdout,
    /^STATE +WORKLOAD +POD +SNI +UPLOAD +DOWNLOAD +STARTED AT +LAST SEEN AT +CONNECTION ID\n/,
  )
  assert.match(
    table.stdout,
    /\nclosed +default\/shop +pod-1 +b\.oss\.example +0 B +1\.0 KiB +2026-11-24T12:00/,
  )
})

test('columns of --by are known, named once, and forgiving in spelling', () => {
  const known = ['sni', 'name_source', 'workload'] as const
  assert.deepEqual(columnsOf('workload, SNI', known), ['workload', 'sni'])
  assert.deepEqual(columnsOf('name-source', known), ['name_source'])
  assert.throws(() => columnsOf('sni,sni', known), /names a column twice/)
  assert.throws(() => columnsOf('', known), /is not a column/)
})

test('query --by pod has the pods of each workload, and says since when pods are kept', async (t) => {
  const db = join(temporaryFolder(t), 'pods.db')
  const retention = { hoursMs: 1e12, connectionsMs: 1e12 }
  const writer = new Writer({ path: db, windowSeconds: 60, changeWindows: true, retention })
  writer.open(NOON)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: [
        { windowMs: NOON, pod: 'shop-1', upload: 1, opened: 1 },
        { windowMs: NOON + 60_000, pod: 'shop-1', upload: 2, opened: 1 },
        { windowMs: NOON + 3_600_000, pod: 'shop-2', upload: 4, opened: 1 },
        { windowMs: NOON + 3_600_000, workload: 'ml', pod: 'shop-2', sni: 'b.example', upload: 8 },
      ],
    }),
  )
  writer.close()
  const query = (...args: string[]) => runCommand(['query', '--db', db, '--format', 'csv', ...args])
  const rows = [
    'c1,default,Deployment,ml,shop-2,8,0,0',
    'c1,default,Deployment,shop,shop-1,3,0,2',
    'c1,default,Deployment,shop,shop-2,4,0,1',
  ]
  const all = await query('--by', 'pod', '--order', 'name')
  assert.equal(all.stderr, '')
  assert.deepEqual(all.stdout.trimEnd().split('\n'), [
    'cluster,namespace,workload_kind,workload,pod,upload_bytes,download_bytes,connections',
    ...rows,
  ])
  // The hour that the moment lies in.
  const later = await query('--by', 'pod,sni', '--since', '2026-11-24T13:30Z', '--order', 'name')
  assert.deepEqual(later.stdout.trimEnd().split('\n').slice(1), [
    'c1,default,Deployment,ml,shop-2,b.example,8,0,0',
    'c1,default,Deployment,shop,shop-2,a.example,4,0,1',
  ])
  const file = new Database(db)
  file.exec(`DELETE FROM usage_pod WHERE window_ms = ${NOON}`)
  const part = await query('--by', 'pod', '--order', 'name')
  assert.match(part.stderr, /usage per pod is kept since 2026-11-24T13:00Z; --by workload has/)
  file.exec('DROP VIEW usage_by_pod; DROP TABLE usage_pod')
  file.close()
  const older = await query('--by', 'pod')
  assert.equal(older.code, 1)
  assert.match(older.stderr, /the file is of an older version, which kept no usage per pod/)
})
