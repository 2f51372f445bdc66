import type Database from 'better-sqlite3'
import type { FilterRequest } from './filter.ts'
import { totalsByIds } from './totals-by-ids.ts'

export { openReader } from './reader.ts'

/** What totals can be grouped by. `workload` stands for all that identifies one (see `EXPANSION`). */
export const GROUP_COLUMNS = [
  'sni',
  'name_source',
  'workload',
  'workload_kind',
  'namespace',
  'cluster',
  'hour',
  'day',
] as const
export type GroupColumn = (typeof GROUP_COLUMNS)[number]

type TotalsOrder = 'total' | 'upload' | 'download' | 'connections' | 'name'

export interface TotalsQuery extends FilterRequest {
  readonly by: readonly GroupColumn[]
  /** Windows that begin at or after / before this, unix ms; neither = lifetime totals. */
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly order: TotalsOrder
  readonly descending: boolean
  readonly limit?: number | undefined
}

/** Rows of group columns (text), then upload_bytes, download_bytes and connections (bigint). */
export interface Totals {
  readonly columns: string[]
  readonly rows: (string | bigint)[][]
}

/** Workloads of one name in two namespaces are two workloads: their whole identity is shown. */
const EXPANSION: Readonly<Partial<Record<GroupColumn, readonly GroupColumn[]>>> = {
  workload: ['cluster', 'namespace', 'workload_kind', 'workload'],
}

const SQL: Readonly<Record<GroupColumn, string>> = {
  sni: 'd.name',
  name_source: 'd.name_source',
  workload: 'w.name',
  workload_kind: 'w.kind',
  namespace: 'w.namespace',
  cluster: 'w.cluster',
  hour: "strftime('%Y-%m-%dT%H:00:00Z', t.bucket_ms / 1000, 'unixepoch')",
  day: "strftime('%Y-%m-%d', t.bucket_ms / 1000, 'unixepoch')",
}

/**
 * Totals of a file. Without a time range and without `hour` or `day` they are lifetime sums, every
 * connection once, refused and empty ones too (so a name can have 0 bytes). With one they are sums over
 * the windows that begin in it, and `connections` are those that began in it.
 */
export function queryTotals(database: Database.Database, query: TotalsQuery): Totals {
  const { columns, rows } = eachTotal(database, query)
  return { columns: [...columns], rows: [...rows] }
}

/** The same, row by row: more rows than memory holds can be written out. */
export function eachTotal(
  database: Database.Database,
  query: TotalsQuery,
): { readonly columns: readonly string[]; readonly rows: Iterable<(string | bigint)[]> } {
  const columns = [...new Set(query.by.flatMap((column) => EXPANSION[column] ?? [column]))]
  const { sql, values } = totalsByIds(database, query, columns)
  const joins = [
    ...(columns.some((column) => SQL[column].startsWith('w.'))
      ? ['JOIN workload w ON w.id = t.workload_id']
      : []),
    ...(columns.some((column) => SQL[column].startsWith('d.'))
      ? ['JOIN destination d ON d.id = t.destination_id']
      : []),
  ]
  const rows = database
    .prepare(`
      ${sql}
      SELECT ${[...columns.map((column) => SQL[column]), ''].join(', ')}
             t.upload AS upload_bytes, t.download AS download_bytes, t.connections AS connections
      FROM totals t ${joins.join(' ')}
      ORDER BY ${orderOf(query, columns.length)}
      LIMIT ?`)
    .raw()
    .iterate(...values, query.limit ?? -1)
  return {
    columns: [...columns, 'upload_bytes', 'download_bytes', 'connections'],
    rows: rows as IterableIterator<(string | bigint)[]>,
  }
}

/** Ties are broken by the group's columns, so that the same file gives the same rows. */
function orderOf({ order, descending }: TotalsQuery, groups: number): string {
  const direction = descending ? 'DESC' : 'ASC'
  const names = Array.from({ length: groups }, (_, i) => i + 1)
  const byName = names.map((column) => `${column} ${order === 'name' ? direction : 'ASC'}`)
  // As doubles: the sum of two saturated columns would not fit, and an order needs no last digit.
  const keys = {
    total: `upload_bytes + 0.0 + download_bytes ${direction}`,
    upload: `upload_bytes ${direction}`,
    download: `download_bytes ${direction}`,
    connections: `connections ${direction}`,
    name: '',
  }[order]
  const all = keys === '' ? byName : [keys, ...byName]
  return all.length === 0 ? '1' : all.join(', ')
}
