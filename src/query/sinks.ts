import type Database from 'better-sqlite3'
import type { Totals } from './totals.ts'

/** The sinks of a file, as the view `sinks` shows them. */
export function querySinks(database: Database.Database): Totals {
  const statement = database.prepare('SELECT * FROM sinks ORDER BY sink')
  const columns = statement.columns().map(({ name }) => name)
  return { columns, rows: statement.raw().all() as Totals['rows'] }
}
