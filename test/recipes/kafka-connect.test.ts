import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { kafkaJars } from '../helpers/kafka/install.ts'
import { PublishedUsage, publishAtWorst, sorted, Topic } from './published-usage.ts'
import { propertyOf, recipe } from './recipe.ts'

const CHAPTER = 'Kafka Connect JDBC sink'
const PROGRAM = fileURLToPath(new URL('./ConvertValues.java', import.meta.url))
const JAVA = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m']

/** What Kafka's own converter, with the settings of the recipe, makes of the values of binary mode. */
function converted(jars: string, values: readonly string[]): Record<string, string>[] {
  const settings = ['schemas.enable', 'schema.content'].map(
    (name) => `${name}=${propertyOf(CHAPTER, `value.converter.${name}`)}`,
  )
  const { status, stdout, stderr } = spawnSync(
    'java',
    [...JAVA, '-cp', `${jars}/*`, PROGRAM, ...settings],
    { input: values.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 26, timeout: 60_000 },
  )
  assert.equal(status, 0, stderr)
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => Object.fromEntries(line.split('\t').map((pair) => pair.split(/=(.*)/, 2))))
}

test('Kafka Connect: rows of every revision, and the view, make the bill of SQLite', async (t) => {
  const jars = await kafkaJars(t)
  if (jars === undefined) return
  const usage = new PublishedUsage(t, 'kafka')
  const topic = new Topic()
  await publishAtWorst(usage, topic)
  const rows = converted(
    jars,
    topic.events.map(({ data }) => data),
  )
  assert.equal(rows.length, topic.events.length)

  // The connector makes the table of the fields, and upserts by pk.fields.
  const [view = '', bill = ''] = recipe(CHAPTER)
  const database = new Database(':memory:')
  t.after(() => database.close())
  database.defaultSafeIntegers()
  const columns = Object.keys(rows[0] ?? {})
  const types = columns.map((name) => `${name} ${name === 'revision' ? 'BIGINT' : 'TEXT'}`)
  const key = propertyOf(CHAPTER, 'pk.fields')
  database.exec(`CREATE TABLE usage_revision (${types.join()}, PRIMARY KEY (${key}))`)
  const upsert = database.prepare(
    `INSERT OR REPLACE INTO usage_revision VALUES (${columns.map(() => '?').join()})`,
  )
  for (const row of rows) upsert.run(columns.map((column) => row[column]))
  database.exec(view)
  assert.deepEqual(sorted(database.prepare(bill).raw().all() as unknown[][]), usage.bill)
})
