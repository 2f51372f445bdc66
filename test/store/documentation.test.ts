import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import Database from 'better-sqlite3'
import { VIEWS } from '../../src/store/views.ts'
import { Writer } from '../../src/store/writer.ts'
import { makeBatch, NOON } from './batch-fixture.ts'

const page = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'snimeter-sql-'))
const path = join(folder, 'file.db')
let database: Database.Database

before(() => {
  const retention = { hoursMs: 1e12, connectionsMs: 1e12 }
  const writer = new Writer({ path, windowSeconds: 60, changeWindows: true, retention })
  writer.open(NOON)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: [{ sni: 'x.oss-cn-shanghai.aliyuncs.com', upload: 5, opened: 1 }],
      connections: [{ id: 1 }],
      coverage: [{ windowMs: NOON, entries: 1 }],
    }),
  )
  writer.close()
  database = new Database(path, { readonly: true })
})
after(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

it('every view is described, with exactly its columns in their order', () => {
  const sections = page.split(/^### /m).slice(1)
  const described = Object.fromEntries(
    sections.map((section) => {
      const cells = [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell]) => cell ?? '')
      const columns = cells.flatMap((cell) =>
        [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
      )
      return [section.split('\n', 1)[0], columns]
    }),
  )
  const real = Object.fromEntries(
    Object.keys(VIEWS).map((view) => [
      view,
      database
        .prepare(`SELECT * FROM ${view}`)
        .columns()
        .map(({ name }) => name),
    ]),
  )
  assert.deepEqual(described, real)
})

it('every ready-made query runs', () => {
  const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql ?? '')
  assert.equal(queries.length, 6)
  for (const sql of queries) database.prepare(sql).all()
})

it('totals never look at usage rows: they stay fast however many there are', () => {
  for (const view of ['sni_totals', 'workload_totals', 'workload_sni_totals']) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN SELECT * FROM ${view}`).all()
    const text = JSON.stringify(plan)
    assert.ok(!text.includes('usage_'), `${view}: ${text}`)
  }
})
