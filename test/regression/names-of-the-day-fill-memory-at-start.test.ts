import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { peakResidentBytes } from '../helpers/resident-memory.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

// Forged workloads with many names each make millions of pairs a day. At the next start all of them came
// from the file in one answer: 8 million took 1.8 GB, and held the thread for 32 s.

const WORKLOADS = 100
const NAMES = 10_000
const MIB = 2 ** 20

/** A file in which every workload has used every name today. */
function makeFile(path: string, nowMs: number): void {
  const database = openDatabase(path)
  database.pragma('synchronous = OFF')
  const counter = (name: string, count: number): string =>
    `${name} (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ${name} LIMIT ${count})`
  database.exec(`
    BEGIN;
    WITH RECURSIVE ${counter('w', WORKLOADS)} INSERT INTO workload
    SELECT n, 'prod', 'flood', 'Deployment', 'w' || n FROM w;
    WITH RECURSIVE ${counter('d', NAMES)} INSERT INTO destination
    SELECT n, 'n' || n || '.example', 'sni' FROM d;
    WITH RECURSIVE ${counter('w', WORKLOADS)}, ${counter('d', NAMES)} INSERT INTO pair_total
    SELECT w.n, d.n, 1, 1, 1, 1, ${nowMs}, ${nowMs} FROM w, d;
    COMMIT;`)
  database.close()
}

test('a million pairs of the day are read in pages at a start', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  makeFile(db, Date.now())
  const serve = await startServe(t, {
    db,
    env: { MALLOC_ARENA_MAX: '2', NODE_OPTIONS: '--max-semi-space-size=4' },
  })
  const values = await metric(serve, 'snimeter_dictionary_values')
  assert.equal(values.get('{dictionary="destinations"}'), NAMES)
  assert.equal(values.get('{dictionary="workloads"}'), WORKLOADS)
  const peak = peakResidentBytes(serve.child.pid)
  t.diagnostic(`peak ${Math.round((peak ?? 0) / MIB)} MiB`)
  // 240 MiB in pages, 460 MiB in one answer; an empty file takes 110 MiB.
  if (peak !== undefined) assert.ok(peak < 350 * MIB, `${Math.round(peak / MIB)} MiB`)
  assert.equal(await serve.terminate(), 0)
})
