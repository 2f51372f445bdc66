import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { PairReader } from '../../src/model/used-pairs.ts'
import { Names } from '../../src/store/names.ts'
import { NO_PAIR, UsedPairs } from '../../src/store/used-pairs.ts'
import { keyOf, makeBatch, NOON } from './batch-fixture.ts'
import { makeStore, newPath, rows, withStore } from './store-fixture.ts'

describe('a batch', () => {
  it('shows in every view once it is committed', async () => {
    const path = newPath()
    await withStore(makeStore(path), async (store) => {
      const outcome = await store.commit(
        makeBatch({
          sequence: 1,
          usage: [{ upload: 100, download: 10, estimated: 5, opened: 2, closed: 1 }],
          connections: [{ id: 1, upload: 100, download: 10 }],
          coverage: [{ windowMs: NOON, entries: 3, hopBytes: 7, rejected: { unknown_type: 1 } }],
        }),
      )
      assert.equal(outcome.rowsRefused, 0)
      assert.equal(outcome.saturated, 0)
    })
    assert.deepEqual(rows(path, 'SELECT * FROM sni_totals'), [
      {
        sni: 'a.example',
        upload_bytes: 100,
        download_bytes: 10,
        connections: 2,
        workloads: 1,
        first_seen: '2026-11-24T12:00:00.000Z',
        last_seen: '2026-11-24T12:00:00.000Z',
      },
    ])
    const usage = {
      cluster: 'c1',
      namespace: 'default',
      workload_kind: 'Deployment',
      workload: 'shop',
      sni: 'a.example',
      name_source: 'sni',
      upload_bytes: 100,
      download_bytes: 10,
      estimated_bytes: 5,
      connections_opened: 2,
      connections_closed: 1,
      revision: 0,
    }
    assert.deepEqual(rows(path, 'SELECT * FROM usage'), [
      { window_start: '2026-11-24T12:00:00Z', window_end: '2026-11-24T12:01:00Z', ...usage },
    ])
    assert.deepEqual(rows(path, 'SELECT * FROM usage_hourly'), [
      { window_start: '2026-11-24T12:00:00Z', window_end: '2026-11-24T13:00:00Z', ...usage },
    ])
    assert.deepEqual(rows(path, 'SELECT * FROM usage_daily'), [
      { window_start: '2026-11-24T00:00:00Z', window_end: '2026-11-25T00:00:00Z', ...usage },
    ])
    assert.deepEqual(rows(path, 'SELECT * FROM connections'), [
      {
        connection_id: '00000000-0000-0000-0000-000000000001',
        pod: 'pod-1',
        cluster: 'c1',
        namespace: 'default',
        workload_kind: 'Deployment',
        workload: 'shop',
        sni: 'a.example',
        name_source: 'sni',
        upstream_address: '10.1.2.3:443',
        upstream_cluster: 'outbound|443||a.example',
        started_at: '2026-11-24T12:00:00.000Z',
        last_seen_at: '2026-11-24T12:00:00.000Z',
        state: 'open',
        upload_bytes: 100,
        download_bytes: 10,
        hop: 0,
        invalid_sni: '',
      },
    ])
    assert.deepEqual(rows(path, 'SELECT entries, rejected, shed, hop_bytes FROM coverage'), [
      { entries: 3, rejected: '{"unknown_type":1}', shed: 0, hop_bytes: 7 },
    ])
  })

  it('is applied once, however often its number comes', async () => {
    const path = newPath()
    await withStore(makeStore(path), async (store) => {
      const batch = makeBatch({ sequence: 1, usage: [{ upload: 100, opened: 1 }] })
      await store.commit(batch)
      await store.commit(batch)
    })
    assert.deepEqual(rows(path, 'SELECT upload_bytes, connections FROM sni_totals'), [
      { upload_bytes: 100, connections: 1 },
    ])
  })

  it('keeps every byte of sums beyond 2^53, and stops at 2^63-1, counted', async () => {
    const path = newPath()
    const big = Number.MAX_SAFE_INTEGER
    const outcome = await withStore(makeStore(path), async (store) => {
      await store.commit(makeBatch({ sequence: 1, usage: [{ upload: big }, { upload: big }] }))
      await store.commit(makeBatch({ sequence: 2, usage: [{ upload: 1 }] }))
      const database = new Database(path)
      database.exec(
        'UPDATE pair_total SET download = 9223372036854775800; UPDATE usage_minute SET download = 9223372036854775800',
      )
      database.close()
      return store.commit(makeBatch({ sequence: 3, usage: [{ download: 100 }] }))
    })
    assert.equal(outcome.saturated, 1)
    for (const view of ['sni_totals', 'workload_totals', 'usage', 'usage_daily']) {
      assert.deepEqual(
        rows(
          path,
          `SELECT CAST(upload_bytes AS TEXT) AS up, CAST(download_bytes AS TEXT) AS down FROM ${view}`,
        ),
        [{ up: '18014398509481983', down: '9223372036854775807' }],
        view,
      )
    }
  })

  it('adds up exactly within one batch too, where a sum of doubles would not', async () => {
    const path = newPath()
    const big = Number.MAX_SAFE_INTEGER
    await withStore(makeStore(path), (store) =>
      store.commit(
        makeBatch({
          sequence: 1,
          usage: [
            ...Array.from({ length: 3 }, () => ({ sni: 'a.example', upload: big, opened: 1 })),
            ...Array.from({ length: 3 }, () => ({ sni: 'b.example', download: big, opened: 1 })),
          ],
        }),
      ),
    )
    for (const view of ['sni_totals', 'usage']) {
      assert.deepEqual(
        rows(
          path,
          `SELECT CAST(upload_bytes AS TEXT) AS up, CAST(download_bytes AS TEXT) AS down FROM ${view} ORDER BY sni`,
        ),
        [
          { up: '27021597764222973', down: '0' },
          { up: '0', down: '27021597764222973' },
        ],
        view,
      )
    }
    assert.deepEqual(rows(path, 'SELECT sum(connections) AS n FROM sni_totals'), [{ n: 6 }])
  })

  it('sets a row aside that cannot be stored, and commits the rest', async () => {
    const path = newPath()
    const outcome = await withStore(makeStore(path), (store) =>
      store.commit(
        makeBatch({
          sequence: 1,
          usage: [{ upload: 100 }, { sni: 'b.example', upload: -5 }],
          connections: [{ id: 1 }, { id: 2, upload: -1 }],
        }),
      ),
    )
    assert.equal(outcome.rowsRefused, 2)
    assert.deepEqual(rows(path, 'SELECT sni, upload_bytes FROM sni_totals'), [
      { sni: 'a.example', upload_bytes: 100 },
    ])
    assert.deepEqual(rows(path, 'SELECT sequence, table_name FROM rejected_row'), [
      { sequence: 1, table_name: 'usage' },
      { sequence: 1, table_name: 'connection' },
    ])
  })
})

describe('rows that memory has forgotten', () => {
  it('come back as they were stored, by key and in order; unknown keys are undefined', async () => {
    await withStore(makeStore(newPath()), async (store) => {
      await store.commit(
        makeBatch({
          sequence: 1,
          connections: [
            {
              id: 1,
              state: 2,
              upload: 2 ** 50,
              download: 10,
              startMs: NOON - 5,
              lastLedgerMs: 9,
              hop: true,
            },
            { id: 3, state: 3 },
          ],
        }),
      )
      const keys = Uint8Array.from([...keyOf(1), ...keyOf(2), ...keyOf(3)])
      const [first, second, third] = await store.lookup(keys)
      assert.deepEqual(first, {
        key: keyOf(1),
        kind: 1,
        identityKind: 1,
        meter: 1,
        state: 2,
        node: {
          id: 'sidecar~1',
          pod: 'pod-1',
          proxyType: 'unknown',
          serviceAccount: '',
          envoyVersion: '1.40.0',
          workload: { cluster: 'c1', namespace: 'default', kind: 'Deployment', name: 'shop' },
        },
        workload: { cluster: 'c1', namespace: 'default', kind: 'Deployment', name: 'shop' },
        pod: '',
        destination: { name: 'a.example', nameSource: 'sni' },
        upstreamCluster: 'outbound|443||a.example',
        address: [0, 0, 0, 0],
        port: 0,
        startMs: NOON - 5,
        momentMs: NOON,
        previousSpanStartMs: NOON - 1000,
        previousSpanEndMs: NOON,
        lastDeltaBytes: 7,
        lastArrivalMs: NOON,
        lastLedgerMs: 9,
        upload: 2 ** 50,
        download: 10,
        hop: true,
      })
      assert.equal(second, undefined)
      assert.equal(third?.state, 3)
    })
  })

  it('loads open rows only, and keeps an address that a later batch does not carry', async () => {
    const path = newPath()
    await withStore(makeStore(path), async (store) => {
      const connections = [{ id: 1 }, { id: 2, state: 2 }, { id: 3, state: 3 }]
      await store.commit(makeBatch({ sequence: 1, connections }))
      const address: [number, number, number, number] = [0, 0, 0, 0]
      await store.commit(makeBatch({ sequence: 2, connections: [{ id: 1, address, port: 0 }] }))
      const open = (await Array.fromAsync(store.openConnections(10))).flat()
      assert.deepEqual(
        open.map((row) => row.key),
        [keyOf(1)],
      )
    })
    assert.deepEqual(rows(path, "SELECT upstream_address FROM connections WHERE state = 'open'"), [
      { upstream_address: '10.1.2.3:443' },
    ])
  })

  it('says which pairs were added to since a moment', async () => {
    await withStore(makeStore(newPath()), async (store) => {
      await store.commit(
        makeBatch({
          sequence: 1,
          usage: [
            { sni: 'old.example', lastMs: NOON - 1 },
            { sni: 'new.example', lastMs: NOON },
          ],
        }),
      )
      const pairs = (await Array.fromAsync(store.pairsBetween(NOON, NOON + 1))).flat()
      assert.deepEqual(
        pairs.map((pair) => pair.destination),
        [{ name: 'new.example', nameSource: 'sni' }],
      )
    })
  })

  it('says pairs in pages, each once and each name once', async () => {
    const path = newPath()
    await withStore(makeStore(path), async (store) => {
      const names = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example']
      await store.commit(
        makeBatch({ sequence: 1, usage: names.map((sni) => ({ sni, lastMs: NOON })) }),
      )
      const all = (await Array.fromAsync(store.pairsBetween(NOON, NOON + 1))).flat()
      const reader = new PairReader()
      const database = new Database(path, { readonly: true })
      const used = new UsedPairs(database, new Names(database))
      const paged = []
      const explained: number[] = []
      let after = NO_PAIR
      for (let full = true; full; ) {
        const page = used.page(NOON, NOON + 1, after, 2)
        explained.push(page.destinations.size)
        paged.push(...reader.read(page))
        full = page.ids.length === 4
        after = { workload: page.ids.at(-2) ?? -1, destination: page.ids.at(-1) ?? -1 }
      }
      database.close()
      assert.equal(all.length, names.length)
      assert.deepEqual(paged, all)
      assert.deepEqual(explained, [2, 2, 1])
    })
  })
})

describe('trouble', () => {
  it('retries the same batch while another program holds the file, answers lookups, applies it once', async () => {
    const path = newPath()
    let troubled = Promise.withResolvers<string>()
    const recovered = Promise.withResolvers<void>()
    const store = makeStore(
      path,
      {},
      {
        trouble: ({ code }) => troubled.resolve(code),
        recovered: () => recovered.resolve(),
      },
    )
    await withStore(store, async () => {
      await store.commit(makeBatch({ sequence: 1, connections: [{ id: 1 }] }))
      const other = new Database(path)
      other.exec('BEGIN IMMEDIATE')
      const commit = store.commit(makeBatch({ sequence: 2, usage: [{ upload: 100 }] }))
      assert.equal(await troubled.promise, 'SQLITE_BUSY')
      assert.equal((await store.lookup(keyOf(1))).length, 1)
      other.exec('ROLLBACK')
      other.close()
      await commit
      await recovered.promise
      troubled = Promise.withResolvers()
    })
    assert.deepEqual(rows(path, 'SELECT upload_bytes FROM sni_totals'), [{ upload_bytes: 100 }])
  })

  it('gives up on a batch when told to, and says so', async () => {
    const path = newPath()
    const troubled = Promise.withResolvers<string>()
    const store = makeStore(path, {}, { trouble: ({ code }) => troubled.resolve(code) })
    await withStore(store, async () => {
      const other = new Database(path)
      other.exec('BEGIN IMMEDIATE')
      const commit = store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
      await troubled.promise
      const rejected = assert.rejects(commit, { code: 'store_uncommitted' })
      await store.abandon()
      await rejected
      other.close()
    })
  })
})

it('reads a copy made while the server writes', async () => {
  const path = newPath()
  const copy = newPath()
  await withStore(makeStore(path), async (store) => {
    await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
    copyFileSync(path, copy)
    copyFileSync(`${path}-wal`, `${copy}-wal`)
  })
  assert.deepEqual(rows(copy, 'SELECT upload_bytes FROM sni_totals'), [{ upload_bytes: 100 }])
})

it('says how large the file and its log are', async () => {
  const store = makeStore(newPath())
  assert.deepEqual(store.sizes(), { fileBytes: 0, walBytes: 0 })
  await withStore(store, async () => {
    await store.commit(makeBatch({ sequence: 1, usage: [{ upload: 100 }] }))
    assert.ok(store.sizes().walBytes > 4096)
  })
  // Stopping copies the log back.
  assert.equal(store.sizes().walBytes, 0)
  assert.ok(store.sizes().fileBytes > 4096)
})
