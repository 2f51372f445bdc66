import Database from 'better-sqlite3'
import type { QueryRequest } from '../../src/query/query-request.ts'
import { Writer } from '../../src/store/writer.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

/** In a file of `neverAnswers` this statement never ends. */
export const ENDLESS: QueryRequest = { kind: 'connections', query: { limit: 1 } }

/** A file with two names, for whose connections nobody can ask. */
export function makeSlowFile(path: string): void {
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  writer.apply(
    makeBatch({
      sequence: 1,
      usage: [
        { sni: 'a.example', upload: 5 },
        { sni: 'b.example', upload: 1 },
      ],
      connections: [{ id: 1, sni: 'a.example', lastArrivalMs: NOON + 1 }],
    }),
  )
  writer.close()
  makeConnectionsEndless(path)
}

/**
 * The view behind a file's connections becomes one that counts for ever, also while it is served. It reads
 * a table: a query that reads none holds nothing of the file.
 */
export function makeConnectionsEndless(path: string): void {
  const database = new Database(path)
  const columns = database.prepare('SELECT * FROM connection_detail').columns()
  const shown = columns.map(({ name }) => `'' AS "${name}"`)
  database.exec(`
    DROP VIEW connection_detail;
    CREATE VIEW connection_detail AS
      WITH RECURSIVE counter (n) AS (SELECT id FROM ledger UNION ALL SELECT n + 1 FROM counter)
      SELECT ${shown.join(', ')} FROM counter;`)
  database.close()
}
