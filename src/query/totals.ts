import type Database from 'better-sqlite3'
import { saturatingSum } from '../runtime/saturating-sum.ts'
import { bucketsOf } from './buckets.ts'
import type { FilterRequest } from './filter.ts'
import { type Page, type PageRequest, wholePage } from './page.ts'
import { totalsByIds } from './totals-by-ids.ts'

export { openReader } from './reader.ts'

/** What totals can be grouped by. `workload` stands for all that identifies one (see `EXPANSION`). */
export const GROUP_COLUMNS = [
  'sni',
  'name_source',
  'workload',
  'pod',
  'workload_kind',
  'namespace',
  'cluster',
  'hour',
  'day',
] as const
export type GroupColumn = (typeof GROUP_COLUMNS)[number]

type TotalsOrder = 'total' | 'upload' | 'download' | 'connections' | 'name'

export interface TotalsQuery extends FilterRequest, PageRequest {
  readonly by: readonly GroupColumn[]
  /** Windows that begin at or after / before this, unix ms; neither = lifetime totals. */
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** Zone of `hour` and `day` (IANA; default UTC). */
  readonly zone?: string | undefined
  readonly order: TotalsOrder
  readonly descending: boolean
}

/** The counts of a row; their columns follow those of the group. */
const COUNTS = ['upload_bytes', 'download_bytes', 'connections'] as const

/** Workloads of one name in two namespaces are two workloads: their whole identity is shown. */
const EXPANSION: Readonly<Partial<Record<GroupColumn, readonly GroupColumn[]>>> = {
  workload: ['cluster', 'namespace', 'workload_kind', 'workload'],
  pod: ['cluster', 'namespace', 'workload_kind', 'workload', 'pod'],
}

const SQL: Readonly<Record<Exclude<GroupColumn, 'hour' | 'day'>, string>> = {
  sni: 'd.name',
  name_source: 'd.name_source',
  workload: 'w.name',
  pod: 'p.pod',
  workload_kind: 'w.kind',
  namespace: 'w.namespace',
  cluster: 'w.cluster',
}

/**
 * Totals of a file. Without a time range and without `hour` or `day` they are lifetime sums, every
 * connection once, refused and empty ones too (so a name can have 0 bytes). With one they are sums over
 * the windows that begin in it, and `connections` are those that began in it. With `pod` they
 * are sums over the hours that pods are kept for, in whole hours around the time range. Rows of group columns
 * (text), then upload_bytes, download_bytes and connections.
 */
export function queryTotals(database: Database.Database, query: TotalsQuery): Page {
  const { limit, offset = 0 } = query
  if (limit === undefined && offset === 0) {
    const { columns, rows } = eachTotal(database, query)
    return wholePage({ columns: [...columns], rows: [...rows] }, COUNTS)
  }
  const { columns, groups, page, values, order } = statementOf(database, query)
  const sums = ['upload', 'download', 'connections'].map((column) => saturatingSum(column))
  // One statement, so of one moment; the groups are made once for the page and for the sums. A page
  // behind the last row has only the sums.
  const answers = database
    .prepare(`
      ${groups('MATERIALIZED')}, page AS (${page} ORDER BY ${order} LIMIT ? OFFSET ?),
      grand AS (SELECT count(*), ${sums.map((sum) => `coalesce(${sum}, 0)`).join(', ')} FROM totals)
      SELECT page.*, grand.* FROM grand LEFT JOIN page ON true ORDER BY ${order}`)
    .raw()
    .all(...values, limit ?? -1, offset) as (string | bigint | null)[][]
  const [totalRows = 0, ...totals] = (answers[0] ?? []).slice(columns.length)
  return {
    columns: [...columns],
    rows: answers
      .map((answer) => answer.slice(0, columns.length))
      .filter((row): row is (string | bigint)[] => row.every((cell) => cell !== null)),
    totalRows: Number(totalRows),
    offset,
    totals: Object.fromEntries(COUNTS.map((column, index) => [column, BigInt(totals[index] ?? 0)])),
  }
}

/** All of them, row by row: more rows than memory holds can be written out. */
export function eachTotal(
  database: Database.Database,
  query: Omit<TotalsQuery, keyof PageRequest>,
): { readonly columns: readonly string[]; readonly rows: Iterable<(string | bigint)[]> } {
  const { columns, groups, page, values, order } = statementOf(database, query)
  const rows = database
    .prepare(`${groups('')} ${page} ORDER BY ${order}`)
    .raw()
    .iterate(...values)
  return { columns, rows: rows as IterableIterator<(string | bigint)[]> }
}

/** The parts of a statement: the groups (`WITH … totals`), a SELECT of them with their texts, its order. */
function statementOf(database: Database.Database, query: TotalsQuery) {
  const columns = [...new Set(query.by.flatMap((column) => EXPANSION[column] ?? [column]))]
  const buckets =
    columns.includes('hour') || columns.includes('day')
      ? bucketsOf(database, query.zone, columns.includes('hour'))
      : undefined
  const { sql, values } = totalsByIds(database, query, columns, buckets)
  const texts = columns.map((column) =>
    column === 'hour' || column === 'day' ? buckets?.[column]('t.bucket_ms') : SQL[column],
  )
  const reads = (table: string): boolean => texts.some((text) => text?.startsWith(`${table}.`))
  const joins = [
    ...(reads('w') ? ['JOIN workload w ON w.id = t.workload_id'] : []),
    ...(reads('p') ? ['JOIN pod p ON p.id = t.pod_id'] : []),
    ...(reads('d') ? ['JOIN destination d ON d.id = t.destination_id'] : []),
  ]
  const page = `
      SELECT ${[...texts, ''].join(', ')}
             t.upload AS upload_bytes, t.download AS download_bytes, t.connections AS connections
      FROM totals t ${joins.join(' ')}`
  return {
    columns: [...columns, ...COUNTS],
    groups: sql,
    page,
    values,
    order: orderOf(query, columns.length),
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
