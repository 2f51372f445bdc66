import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { keyOf, makeBatch, NOON } from './batch-fixture.ts'
import { makeStore, newPath, rows, withStore } from './store-fixture.ts'

describe('a storage thread that dies', () => {
  it('fails what is asked of it, and can be stopped; the file opens again', async () => {
    const path = newPath()
    const troubled = Promise.withResolvers<void>()
    const store = makeStore(path, {}, { trouble: () => troubled.resolve() })
    const made = once(process, 'worker') as Promise<[Worker]>
    await store.open(NOON)
    await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const commit = assert.rejects(store.commit(makeBatch({ sequence: 2 })), {
      code: 'store_failed',
    })
    await troubled.promise
    const [thread] = await made
    await thread.terminate()
    other.close()
    await commit
    await assert.rejects(store.commit(makeBatch({ sequence: 2 })), { code: 'store_failed' })
    await assert.rejects(store.lookup(keyOf(1)), { code: 'store_failed' })
    await store.stop()
    await withStore(makeStore(path), async () => undefined)
    assert.deepEqual(rows(path, 'SELECT upload_bytes FROM sni_totals'), [{ upload_bytes: 100 }])
  })
})

describe('stopping', () => {
  it('is safe twice at a time, twice in a row and without opening', async () => {
    const store = makeStore(newPath())
    await store.stop()
    await store.open(NOON)
    await Promise.all([store.stop(), store.stop()])
    await store.stop()
    await assert.rejects(store.commit(makeBatch({ sequence: 1 })), { code: 'store_closed' })
  })

  it('waits for the commit under way', async () => {
    const path = newPath()
    const store = makeStore(path)
    await store.open(NOON)
    const commit = store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
    await store.stop()
    await commit
    assert.deepEqual(rows(path, 'SELECT upload_bytes FROM sni_totals'), [{ upload_bytes: 100 }])
  })
})

it('rows cross to the main thread in pages, each once, and share what they have in common', async () => {
  await withStore(makeStore(newPath()), async (store) => {
    const connections = Array.from({ length: 12_000 }, (_, id) => ({
      id,
      upload: id,
      state: id % 12 === 0 ? 2 : 1,
    }))
    await store.commit(makeBatch({ sequence: 1, connections }))
    const pages: number[] = []
    for await (const page of store.openConnections(10_500)) pages.push(page.length)
    assert.deepEqual(pages, [5000, 5000, 500])

    const open = (await Array.fromAsync(store.openConnections(20_000))).flat()
    const expected = connections.filter(({ state }) => state === 1).map(({ upload }) => upload)
    assert.deepEqual(
      open.map(({ upload }) => upload),
      expected,
    )
    assert.equal(open[0]?.node, open[4999]?.node)
    assert.equal(open[0]?.workload, open[4999]?.workload)

    const keys = Uint8Array.from(connections.flatMap(({ id }) => [...keyOf(id + 1)]))
    const found = await store.lookup(keys)
    assert.deepEqual(
      found.map((row) => row?.upload),
      [...connections.slice(1).map(({ upload }) => upload), undefined],
    )
  })
})
