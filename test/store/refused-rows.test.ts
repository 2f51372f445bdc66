import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { StoreBatch } from '../../src/model/batch.ts'
import type { NameSource } from '../../src/model/destination.ts'
import { type BatchContent, makeBatch, NOON } from './batch-fixture.ts'
import { makeStore, newPath, rows, withStore } from './store-fixture.ts'

const TOTALS = 'SELECT sni, upload_bytes FROM sni_totals ORDER BY sni'
const USAGE = 'SELECT sni, sum(upload_bytes) AS upload_bytes FROM usage GROUP BY sni ORDER BY sni'

/** A batch whose second name has an origin that no file knows. */
function withBadName(content: BatchContent): StoreBatch {
  const batch = makeBatch(content)
  const destinations = batch.definitions.destinations.map(({ id, destination }) => ({
    id,
    destination: id === 1 ? { ...destination, nameSource: 'hearsay' as NameSource } : destination,
  }))
  return { ...batch, definitions: { ...batch.definitions, destinations } }
}

it('a name that cannot be stored takes its own rows with it, and no others', async () => {
  const path = newPath()
  const usage = [{ upload: 100 }, { sni: 'bad.example', upload: 7 }, { upload: 10 }]
  const connections = [{ id: 1 }, { id: 2, sni: 'bad.example' }]
  const outcome = await withStore(makeStore(path), (store) =>
    store.commit(withBadName({ sequence: 1, usage, connections })),
  )
  // The name, its usage, its connection.
  assert.equal(outcome.rowsRefused, 3)
  assert.deepEqual(rows(path, TOTALS), [{ sni: 'a.example', upload_bytes: 110 }])
  assert.deepEqual(rows(path, 'SELECT sni FROM connections'), [{ sni: 'a.example' }])
  assert.deepEqual(rows(path, 'SELECT table_name FROM rejected_row'), [
    { table_name: 'destination' },
    { table_name: 'usage' },
    { table_name: 'connection' },
  ])
})

it('an id that is defined anew with a bad name no longer stands for the old one', async () => {
  const path = newPath()
  await withStore(makeStore(path), async (store) => {
    const usage = [{ upload: 1 }, { sni: 'b.example', upload: 2 }]
    await store.commit(makeBatch({ sequence: 1, usage }))
    await store.commit(withBadName({ sequence: 2, usage }))
  })
  assert.deepEqual(rows(path, TOTALS), [
    { sni: 'a.example', upload_bytes: 2 },
    { sni: 'b.example', upload_bytes: 2 },
  ])
})

it('a refused row reaches neither usage nor totals: both still say the same', async () => {
  const path = newPath()
  const bad = [
    { windowMs: NOON + 0.5 },
    { windowMs: Number.NaN },
    { upload: Number.NaN },
    { download: 0.5 },
    { estimated: -1 },
    { upload: 2 ** 53 },
    { firstMs: Number.POSITIVE_INFINITY },
    { lastMs: Number.NEGATIVE_INFINITY },
  ]
  const usage = [{ upload: 100 }, ...bad.map((row) => ({ upload: 5, ...row }))]
  const outcome = await withStore(makeStore(path), (store) =>
    store.commit(makeBatch({ sequence: 1, usage })),
  )
  assert.equal(outcome.rowsRefused, bad.length)
  assert.deepEqual(rows(path, TOTALS), [{ sni: 'a.example', upload_bytes: 100 }])
  assert.deepEqual(rows(path, USAGE), [{ sni: 'a.example', upload_bytes: 100 }])
})

it('one refused row of a statement of many is refused alone', async () => {
  const path = newPath()
  const connections = Array.from({ length: 60 }, (_, id) => ({ id, upload: id === 30 ? -1 : 1 }))
  const outcome = await withStore(makeStore(path), (store) =>
    store.commit(makeBatch({ sequence: 1, connections })),
  )
  assert.equal(outcome.rowsRefused, 1)
  assert.deepEqual(rows(path, 'SELECT count(*) AS n FROM connections'), [{ n: 59 }])
})
