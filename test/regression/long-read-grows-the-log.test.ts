import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { WalWatch } from '../../src/wal-watch.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'
import { makeStore, newPath, withStore } from '../store/store-fixture.ts'

const MIB = 1024 ** 2

test('a log that grows behind a long read is said once a minute, with what to do, and once when it ends', () => {
  const lines: string[] = []
  const log = (fields: object | string, message?: string): void => {
    lines.push(`${JSON.stringify(fields)} ${message ?? ''}`)
  }
  const logger = { debug: log, info: log, warn: log, error: log }
  let walBytes = 64 * MIB
  let nowMs = 0
  const watch = new WalWatch(
    logger,
    () => walBytes,
    () => nowMs,
  )
  watch.look('/data/snimeter.db')
  assert.equal(lines.length, 0)
  walBytes = 300 * MIB
  for (nowMs = 0; nowMs < 60_000; nowMs += 10_000) watch.look('/data/snimeter.db')
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /"path":"\/data\/snimeter.db-wal","walBytes":314572800.*fuser -v/)
  watch.look('/data/snimeter.db')
  assert.equal(lines.length, 2)
  walBytes = 64 * MIB
  watch.look('/data/snimeter.db')
  watch.look('/data/snimeter.db')
  assert.equal(lines.length, 3)
  assert.match(lines[2] ?? '', /small again/)
})

test('the log grows while a read transaction is open, and is used again once it has ended', async () => {
  const path = newPath()
  await withStore(makeStore(path), async (store) => {
    let sequence = 0
    const commitMany = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const connections = Array.from({ length: 250 }, (_, id) => ({ id, upload: ++sequence }))
        await store.commit(makeBatch({ sequence, connections, clock: { newestMs: NOON + i } }))
      }
    }
    await commitMany()
    const reader = new Database(path, { readonly: true })
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM connection').get()
    const before = store.sizes().walBytes
    // Without a reader the log starts over at 8 MB.
    for (let i = 0; i < 12; i++) await commitMany()
    const grown = store.sizes().walBytes
    assert.ok(grown > before + 8 * MIB, `${before} to ${grown}`)
    reader.exec('COMMIT')
    reader.close()
    for (let i = 0; i < 12; i++) await commitMany()
    assert.ok(store.sizes().walBytes <= grown + MIB, `${grown} to ${store.sizes().walBytes}`)
  })
})
