import type Database from 'better-sqlite3'
import { type FilterRequest, filterOf } from './filter.ts'

export interface ConnectionsQuery extends FilterRequest {
  readonly state?: 'open' | 'closed' | 'orphaned' | undefined
  readonly limit: number
}

const STATES = { open: 1, closed: 2, orphaned: 3 } as const

/** Connections of a file as the view `connections` shows them, those that spoke last first. */
export function queryConnections(
  database: Database.Database,
  query: ConnectionsQuery,
): { columns: string[]; rows: (string | bigint)[][] } {
  const filter = filterOf(query, { sni: 'sni', workload: 'workload', namespace: 'namespace' })
  const state = query.state === undefined ? '1' : `state = '${stateName(query.state)}'`
  const statement = database
    .prepare(
      `SELECT * FROM connections WHERE ${state} AND ${filter.sql} ORDER BY last_seen_at DESC, connection_id LIMIT ?`,
    )
    .raw()
  return {
    columns: statement.columns().map(({ name }) => name),
    rows: statement.all(...filter.values, query.limit) as (string | bigint)[][],
  }
}

/** Only a known word reaches the SQL. */
function stateName(state: keyof typeof STATES): string {
  return state in STATES ? state : 'open'
}
