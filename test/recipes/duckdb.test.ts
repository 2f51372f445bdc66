import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { FileSink } from '../../src/files/file-sink.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { PublishedUsage, publishAll, publishAtWorst, sorted } from './published-usage.ts'
import { recipe } from './recipe.ts'

const [VIEW = '', BILL = ''] = recipe('DuckDB')

async function billOf(directory: string, t: TestContext) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  t.after(() => {
    connection.closeSync()
    instance.closeSync()
  })
  assert.ok(VIEW.includes("'events/*.ndjson'"))
  await connection.run(VIEW.replace('events/', `${directory}/`))
  const reader = await connection.runAndReadAll(BILL)
  return sorted(reader.getRows())
}

test('DuckDB reads the files by the recipe, and its bill is that of SQLite', async (t) => {
  const directory = join(temporaryFolder(t), 'events')
  const sink = new FileSink({
    directory,
    maxFileBytes: 20_000,
    maxAgeMs: 3_600_000,
    maxFiles: 1000,
  })
  const usage = new PublishedUsage(t, 'files')
  await publishAll(sink, usage.rounds[0] ?? [])
  await publishAtWorst(usage, sink)
  await sink.stop()
  assert.deepEqual(await billOf(directory, t), usage.bill)
})

test('without the refill DuckDB has what files have, repeats once', async (t) => {
  const directory = join(temporaryFolder(t), 'events')
  mkdirSync(directory)
  const sink = new FileSink({
    directory,
    maxFileBytes: 20_000,
    maxAgeMs: 3_600_000,
    maxFiles: 1000,
  })
  const usage = new PublishedUsage(t, 'files', 2)
  for (const round of usage.rounds) await publishAll(sink, round)
  await sink.stop()
  cpSync(directory, `${directory}-copy`, { recursive: true })
  assert.deepEqual(await billOf(`${directory}*`, t), usage.bill)
})
