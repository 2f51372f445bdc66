import type Database from 'better-sqlite3'
import { type Filter, type FilterRequest, filterOf } from './filter.ts'

export interface ConnectionsQuery extends FilterRequest {
  readonly state?: 'open' | 'closed' | 'orphaned' | undefined
  readonly limit: number
  /** Whether the column `connection_id` is left out. */
  readonly withoutIds?: boolean | undefined
}

/** Whoever knows it could send samples for that connection. */
const ID = 'connection_id'

/** A connection's state as the table holds it; `state <> 2` selects the index of the living. */
const STATES = {
  open: 'state = 1 AND state <> 2',
  closed: 'state = 2',
  orphaned: 'state = 3 AND state <> 2',
} as const

/**
 * Connections of a file as the view `connections` shows them, those that spoke last first. The rows
 * are chosen by numbers, and only the chosen ones get their texts: a million connections take 0.1 s
 * instead of 1.5 s through the view (measured).
 */
export function queryConnections(
  database: Database.Database,
  query: ConnectionsQuery,
): { columns: string[]; rows: (string | bigint)[][] } {
  const { sni, workload, namespace, state, limit, withoutIds = false } = query
  const columns = { sni: 'name', workload: 'name', namespace: 'namespace' }
  const destinations = filterOf({ sni }, columns)
  const workloads = filterOf({ workload, namespace }, columns)
  const shown = database
    .prepare('SELECT * FROM connections')
    .columns()
    .map(({ name }) => name)
    .filter((name) => !(withoutIds && name === ID))
  const chosen = [
    'kind = 1',
    ...(state === undefined ? [] : [STATES[state]]),
    ...within('destination_id', 'destination', destinations),
    ...within('workload_id', 'workload', workloads),
  ]
  const rows = database
    .prepare(`
      SELECT ${shown.join(', ')} FROM connection_detail
      WHERE key IN (SELECT key FROM connection WHERE ${chosen.join(' AND ')}
                    ORDER BY last_arrival_ms DESC, key LIMIT ?)
      ORDER BY last_arrival_ms DESC, key`)
    .raw()
    .all(...destinations.values, ...workloads.values, limit)
  return { columns: shown, rows: rows as (string | bigint)[][] }
}

function within(column: string, table: string, { sql, values }: Filter): string[] {
  return values.length === 0 ? [] : [`${column} IN (SELECT id FROM ${table} WHERE ${sql})`]
}
