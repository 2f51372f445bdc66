import type Database from 'better-sqlite3'
import { ServiceError } from '../runtime/service-error.ts'
import type { Totals } from './totals.ts'

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
