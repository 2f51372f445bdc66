/**
 * Run by disk-full.test.ts in a mount namespace of its own: fills a small file system under a store,
 * commits, makes room, and prints what happened as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Store } from '../../src/store/store.ts'
import { keyOf, makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'

const [folder = ''] = process.argv.slice(2)
const path = join(folder, 'snimeter.db')
const ballast = join(folder, 'ballast')
const troubled = Promise.withResolvers<string>()
let recovered = 0
const store = new Store(storeConfig(path), {
  trouble: ({ code }) => troubled.resolve(code),
  recovered: () => recovered++,
})
await store.open(NOON)
await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 1 }], connections: [{ id: 1 }] }))
try {
  writeFileSync(ballast, Buffer.alloc(64 * 1024 * 1024))
} catch {
  // Full: that is what it is for.
}
const connections = Array.from({ length: 5000 }, (_, id) => ({ id }))
const commit = store.commit(makeBatch({ sequence: 2, usage: [{ upload: 100 }], connections }))
const code = await troubled.promise
const [known] = await store.lookup(keyOf(1))
rmSync(ballast)
await commit
await store.stop()
const database = new Database(path, { readonly: true })
const total = database.prepare('SELECT upload_bytes FROM sni_totals').pluck().get()
const rows = database.prepare('SELECT count(*) FROM connection').pluck().get()
const integrity = database.pragma('integrity_check', { simple: true })
console.log(JSON.stringify({ code, known: known !== undefined, recovered, total, rows, integrity }))
