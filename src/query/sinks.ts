import type Database from 'better-sqlite3'
import { ServiceError } from '../runtime/service-error.ts'
import type { Totals } from './page.ts'

/** The sinks of a file, as the view `sinks` shows them. Throws `store_older` for a file without it. */
export function querySinks(database: Database.Database): Totals {
  const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sinks'").get()
  if (known === undefined) {
    throw new ServiceError(
      'store_older',
      `${database.name} was last written by an older snimeter: run serve on it first`,
    )
  }
  const statement = database.prepare('SELECT * FROM sinks ORDER BY sink')
  const columns = statement.columns().map(({ name }) => name)
  return { columns, rows: statement.raw().all() as Totals['rows'] }
}

/** What a file knows of one sink; texts are those of the view `sinks`. */
export interface SinkStanding {
  /** Events that the sink has not acknowledged. */
  readonly waiting: bigint
  /** Events that it has refused. */
  readonly parked: bigint
  /** Rows whose late change is not frozen yet. */
  readonly changed: bigint
  /** Windows that start before this are frozen. */
  readonly publishedTo: string
  /** Start of the newest window of which an event was frozen; undefined if there is none. */
  readonly lastWindow: string | undefined
}

/** One sink of a file; undefined if the file does not know it. Throws `store_older` as `querySinks` does. */
export function querySink(database: Database.Database, name: string): SinkStanding | undefined {
  const { columns, rows } = querySinks(database)
  const row = rows.find(([sink]) => sink === name)
  if (row === undefined) return undefined
  const cell = (column: string) => row[columns.indexOf(column)] ?? null
  const lastMs = database
    .prepare(
      `SELECT window_ms FROM publication WHERE sink_id = (SELECT id FROM sink WHERE name = ?)
       ORDER BY window_ms DESC LIMIT 1`,
    )
    .pluck()
    .get(name)
  return {
    waiting: BigInt(cell('waiting') ?? 0),
    parked: BigInt(cell('parked') ?? 0),
    changed: BigInt(cell('changed') ?? 0),
    publishedTo: String(cell('published_to')),
    lastWindow:
      lastMs === undefined
        ? undefined
        : new Date(Number(lastMs)).toISOString().replace('.000Z', 'Z'),
  }
}
