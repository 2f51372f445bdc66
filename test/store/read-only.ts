/**
 * Run by read-only.test.ts in a mount namespace of its own: makes files in a small file system, makes
 * that read-only, and prints what a reader and a writer say of them as JSON.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { openReader, queryTotals } from '../../src/query/totals.ts'
import { Store } from '../../src/store/store.ts'
import { makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'

const [folder = ''] = process.argv.slice(2)
const file = (name: string) => join(folder, name)
const store = new Store(storeConfig(file('whole.db')))
await store.open(NOON)
await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
copyFileSync(file('whole.db'), file('live.db'))
copyFileSync(file('whole.db-wal'), file('live.db-wal'))
await store.stop()
spawnSync('mount', ['-o', 'remount,ro', folder])

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
  const writer = new Store(storeConfig(file(name)))
  try {
    await writer.open(NOON)
    await writer.stop()
    return 'opened'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const names = ['whole.db', 'new.db', 'folder/new.db']
const written: string[] = []
for (const name of names) written.push(await write(name))
console.log(JSON.stringify({ whole: read('whole.db'), live: read('live.db'), written }))
