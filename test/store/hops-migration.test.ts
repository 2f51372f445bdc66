import assert from 'node:assert/strict'
import { it } from 'node:test'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../../src/runtime/application-id.ts'
import { LEDGER } from '../../src/store/migrations/0001-ledger.ts'
import { OUTBOX } from '../../src/store/migrations/0002-outbox.ts'
import { makeBatch, NOON } from './batch-fixture.ts'
import { makeStore, newPath, withStore } from './store-fixture.ts'

it('a file from before hops keeps its rows: they were billed, and have no hop bytes', async () => {
  const path = newPath()
  writeVersion2(path)
  const connections = [{ id: 2, upload: 7, hop: true }]
  const coverage = [{ windowMs: NOON, entries: 1, hopBytes: 7 }]
  await withStore(makeStore(path), (store) =>
    store.commit(makeBatch({ sequence: 2, connections, coverage })),
  )
  const database = new Database(path, { readonly: true })
  const all = (sql: string) => database.prepare(sql).raw().all()
  assert.deepEqual(all('SELECT upload_bytes, hop FROM connections ORDER BY hop'), [
    [5, 0],
    [7, 1],
  ])
  assert.deepEqual(all('SELECT sum(entries), sum(hop_bytes) FROM coverage'), [[3, 7]])
  database.close()
})

/** A file of the second schema, with a connection and a row of coverage. */
function writeVersion2(path: string): void {
  const database = new Database(path)
  database.exec(LEDGER)
  database.exec(OUTBOX)
  database.exec(`
    INSERT INTO ledger (id, ledger_id, sequence, ledger_ms, newest_ms, minutes_from_ms,
                        newest_start_ms, forgotten_before_ms, saturated)
    VALUES (1, 'a', 1, 0, ${NOON}, 0, ${NOON}, 0, 0);
    INSERT INTO window_length VALUES (0, 60);
    INSERT INTO workload VALUES (1, '', 'shop', 'Deployment', 'checkout');
    INSERT INTO node VALUES (1, 'sidecar~1', 'checkout-1', 'sidecar', '', '1.40.0', 1);
    INSERT INTO destination VALUES (1, 'a.example', 'sni');
    INSERT INTO connection VALUES (
      x'${'00'.repeat(15)}01', 1, 1, 1, 1, 1, 1, 1, 0, NULL, ${NOON}, ${NOON}, 0, 0, 5, ${NOON}, 0, 5, 0, 0);
    INSERT INTO coverage_minute VALUES (${NOON}, 1, 60, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  `)
  database.pragma(`application_id = ${APPLICATION_ID}`)
  database.pragma('user_version = 2')
  database.close()
}
