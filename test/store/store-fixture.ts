import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import Database from 'better-sqlite3'
import { Store, type StoreConfig, type StoreEvents } from '../../src/store/store.ts'
import { NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'

/** Deleted when the tests of the file have run. */
export const folder = mkdtempSync(join(tmpdir(), 'snimeter-store-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
export const newPath = () => join(folder, `file-${++files}.db`)

export function makeStore(
  path: string,
  config: Partial<StoreConfig> = {},
  events: StoreEvents = {},
) {
  return new Store({ ...storeConfig(path), ...config }, events)
}

/** Opens, works, and stops, whatever happens. */
export async function withStore<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  await store.open(NOON)
  try {
    return await work(store)
  } finally {
    await store.stop()
  }
}

export function rows(path: string, sql: string): unknown[] {
  const database = new Database(path, { readonly: true })
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}
