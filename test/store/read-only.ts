/**
 * Run by read-only.test.ts in a mount namespace of its own, twice: `make` puts files into a folder,
 * `look` prints as JSON what a reader and a writer say of them when it has become read-only.
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { openReader, queryTotals } from '../../src/query/totals.ts'
import { Store } from '../../src/store/store.ts'
import { makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'

const [step = '', folder = ''] = process.argv.slice(2)
const file = (name: string) => join(folder, name)

async function make(): Promise<void> {
  const store = new Store(storeConfig(file('whole.db')))
  await store.open(NOON)
  await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
  copyFileSync(file('whole.db'), file('live.db'))
  copyFileSync(file('whole.db-wal'), file('live.db-wal'))
  await store.stop()
}

async function look(): Promise<void> {
  const written: string[] = []
  for (const name of ['whole.db', 'new.db', 'folder/new.db']) written.push(await write(name))
  console.log(JSON.stringify({ whole: read('whole.db'), live: read('live.db'), written }))
}

function read(name: string): string {
  try {
    const database = openReader(file(name))
    const { rows } = queryTotals(database, { by: [], order: 'total', descending: true })
    database.close()
    return String(rows[0]?.[0])
  } catch (error) {
    return (error as { code: string }).code
  }
}

async function write(name: string): Promise<string> {
  const store = new Store(storeConfig(file(name)))
  try {
    await store.open(NOON)
    await store.stop()
    return 'opened'
  } catch (error) {
    return (error as { code: string }).code
  }
}

await (step === 'make' ? make() : look())
