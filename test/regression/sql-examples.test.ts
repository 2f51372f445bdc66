import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { Writer } from '../../src/store/writer.ts'
import { PROJECT } from '../helpers/command.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { type BatchContent, makeBatch } from '../store/batch-fixture.ts'

const DAY_MS = 86_400_000
const MIDNIGHT = Math.floor(Date.now() / DAY_MS) * DAY_MS
const YESTERDAY = MIDNIGHT - DAY_MS

const read = (name: string): string => readFileSync(join(PROJECT, name), 'utf8')

/** SQL blocks of a page, each with the line above it. */
function examples(name: string): { readonly says: string; readonly sql: string }[] {
  const blocks = [...read(name).matchAll(/\n([^\n]+)\n\n```sql\n([\s\S]*?)```/g)]
  return blocks.map(([, says = '', sql = '']) => ({ says, sql }))
}

const example = (text: string): string => {
  const found = examples('docs/sql.md').filter(({ sql }) => sql.includes(text))
  assert.equal(found.length, 1, text)
  return found[0]?.sql ?? ''
}

/** A file with this content, open for reading and for `VACUUM INTO`. */
function fileWith(t: TestContext, content: Omit<BatchContent, 'sequence'>): Database.Database {
  const path = join(temporaryFolder(t), 'file.db')
  const retention = { hoursMs: 1e13, connectionsMs: 1e13 }
  const writer = new Writer({ path, windowSeconds: 60, changeWindows: true, retention })
  writer.open(Date.now())
  writer.apply(makeBatch({ sequence: 1, clock: { newestMs: Date.now() }, ...content }))
  writer.close()
  const database = new Database(path, { readonly: true })
  t.after(() => database.close())
  return database
}

test('each object store is a row for a workload: its public name against its internal one', (t) => {
  const database = fileWith(t, {
    usage: [
      { workload: 'a', sni: 'photos.oss-cn-shanghai.aliyuncs.com', upload: 5, download: 2 },
      { workload: 'a', sni: 'photos.oss-cn-shanghai-internal.aliyuncs.com', upload: 70 },
      { workload: 'a', sni: 'logs.oss-cn-shanghai.aliyuncs.com', upload: 3 },
      { workload: 'b', sni: 'photos.oss-cn-shanghai-internal.aliyuncs.com', download: 11 },
      // Another service of the same vendor is no object store.
      { workload: 'a', sni: 'ecs.cn-shanghai.aliyuncs.com', upload: 1000 },
    ],
  })
  const rows = database.prepare(example('AS public_bytes')).raw().all()
  assert.deepEqual(rows, [
    ['c1', 'default', 'a', 'photos.oss-cn-shanghai.aliyuncs.com', 70, 7],
    ['c1', 'default', 'a', 'logs.oss-cn-shanghai.aliyuncs.com', 0, 3],
    ['c1', 'default', 'b', 'photos.oss-cn-shanghai.aliyuncs.com', 11, 0],
  ])
})

test('a node whose entries were refused yesterday is listed, and none for another day', (t) => {
  const rowsFor = (windowMs: number, rejected: Record<string, number>) =>
    fileWith(t, { coverage: [{ windowMs, entries: 9, rejected }] })
      .prepare(example('FROM coverage'))
      .raw()
      .all()
  for (const windowMs of [YESTERDAY, MIDNIGHT - 60_000]) {
    assert.deepEqual(rowsFor(windowMs, { malformed_entry: 3, no_connection_id: 4 }), [
      ['default', 'shop', 'pod-1', 9, 0, 0, 7, '{"malformed_entry":3,"no_connection_id":4}'],
    ])
    assert.deepEqual(rowsFor(windowMs, {}), [])
    // They are counted elsewhere, or later.
    assert.deepEqual(rowsFor(windowMs, { uncounted_type: 5, request_in_progress: 6 }), [])
  }
  for (const windowMs of [MIDNIGHT, YESTERDAY - 60_000]) {
    assert.deepEqual(rowsFor(windowMs, { malformed_entry: 3 }), [])
  }
})

test('every SQL example of the docs runs, also what is given to sqlite3', (t) => {
  const folder = temporaryFolder(t)
  const database = fileWith(t, {
    usage: [{ sni: 'x.oss-cn-shanghai.aliyuncs.com', windowMs: MIDNIGHT, upload: 5, opened: 1 }],
    connections: [{ id: 1, startMs: MIDNIGHT }],
    coverage: [{ windowMs: YESTERDAY, entries: 1, rejected: { malformed_entry: 1 } }],
  })
  const ready = examples('docs/sql.md')
  assert.equal(ready.length, 6)
  for (const { sql, says } of ready) {
    assert.ok(database.prepare(sql).all().length > 0, `no rows: ${says}`)
  }
  let given = 0
  const pages = readdirSync(join(PROJECT, 'docs')).filter((name) => name.endsWith('.md'))
  for (const name of ['README.md', ...pages.map((page) => `docs/${page}`)]) {
    const commands = read(name).matchAll(
      /sqlite3 (?:-readonly )?[\w./]*snimeter\.db (?:'([^']+)'|"([^"]+)")/g,
    )
    for (const [, single, double] of commands) {
      const sql = single ?? double ?? ''
      if (sql.startsWith('.')) continue
      given++
      database.exec(sql.replace('copy.db', join(folder, `${given}.db`)))
    }
  }
  assert.ok(given >= 4, `${given}`)
})

test('the SQL of the contract for consumers keeps the highest revision, and adds each event once', () => {
  const [upsert, add, sketch] = [...read('docs/kafka.md').matchAll(/```sql\n([\s\S]*?)```/g)].map(
    ([, sql]) => sql ?? '',
  )
  // Of another engine; the page says that it is not tested.
  assert.match(sketch ?? '', /^CREATE TABLE revisions AS\n.*data->/)
  const database = new Database(':memory:')
  database.exec(`
    CREATE TABLE usage (usage_key PRIMARY KEY, revision, window_start, workload, sni, upload_bytes, download_bytes);
    CREATE TABLE seen (id PRIMARY KEY);
    CREATE TABLE bill (workload, sni, upload_bytes);
    INSERT INTO bill VALUES ('w', 's', 0)`)
  const put = database.prepare((upsert ?? '').replace('(…)', '(?, ?, ?, ?, ?, ?, ?)'))
  for (const [revision, bytes] of [
    [1, 5],
    [3, 9],
    [2, 7],
    [3, 9],
  ]) {
    put.run('k', revision, 't', 'w', 's', bytes, 0)
  }
  const kept = database.prepare('SELECT revision, upload_bytes FROM usage').raw().all()
  assert.deepEqual(kept, [[3, 9]])
  const [insert = '', update = ''] = (add ?? '').split(/-- only if .*\n/)
  const see = database.prepare(insert.replace('(…)', '(?)'))
  const book = database.prepare(
    update.replace('workload = …', "workload = 'w'").replace('sni = …', "sni = 's'"),
  )
  for (const [id, bytes] of [
    ['1', 5],
    ['2', 2],
    ['1', 5],
  ]) {
    if (see.run(id).changes > 0) book.run({ upload_bytes_delta: bytes })
  }
  assert.equal(database.prepare('SELECT upload_bytes FROM bill').pluck().get(), 7)
  database.close()
})
