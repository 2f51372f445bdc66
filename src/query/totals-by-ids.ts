import type Database from 'better-sqlite3'
import { saturatingSum } from '../runtime/saturating-sum.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Buckets } from './buckets.ts'
import { type Filter, filterOf } from './filter.ts'
import type { GroupColumn, TotalsQuery } from './totals.ts'

const HOUR_MS = 3_600_000
const FOREVER_MS = Number.MAX_SAFE_INTEGER
const SUMS = `${saturatingSum('upload')} AS upload, ${saturatingSum('download')} AS download`

/** Usage per pod with its workload, under the names of usage per workload. */
const PODS_USAGE = `(SELECT u.window_ms, p.workload_id, u.pod_id, u.destination_id, u.upload, u.download, u.opened
                     FROM usage_pod u JOIN pod p ON p.id = u.pod_id)`

/** A table of names: which of its columns a group can have, and what its rows are called. */
interface Names {
  readonly table: 'workload' | 'pod' | 'destination'
  readonly id: 'workload_id' | 'pod_id' | 'destination_id'
  readonly columns: Readonly<Partial<Record<GroupColumn, string>>>
}

const WORKLOADS: Names = {
  table: 'workload',
  id: 'workload_id',
  columns: { cluster: 'cluster', namespace: 'namespace', workload_kind: 'kind', workload: 'name' },
}
const PODS: Names = { table: 'pod', id: 'pod_id', columns: { pod: 'pod' } }
const DESTINATIONS: Names = {
  table: 'destination',
  id: 'destination_id',
  columns: { sni: 'name', name_source: 'name_source' },
}

type Materialized = '' | 'MATERIALIZED'

/** A clause with the values of its `?`. */
interface Groups {
  readonly sql: (materialized: Materialized) => string
  readonly values: readonly (string | number)[]
}

/**
 * `WITH …, totals AS (…)`: sums per group, where workloads and destinations are ids of rows that have
 * the group's texts, and `bucket_ms` is the key of the hour or the day (see `buckets`). Numbers only: 14 million rows
 * sort in a quarter of the time, and a sixth of the disk, that their texts would take (measured), and
 * what the table's key sorts already is summed up without sorting. `MATERIALIZED`: made once for all that
 * read it; that takes a quarter more time, and up to as much disk again as the sort (measured).
 */
export function totalsByIds(
  database: Database.Database,
  query: TotalsQuery,
  columns: readonly GroupColumn[],
  buckets: Buckets | undefined,
): Groups {
  const { sni, notSni, workload, namespace, sinceMs, untilMs } = query
  const ofPods = columns.includes('pod')
  if (ofPods) insistOnPods(database)
  const ranged = ofPods || buckets !== undefined || sinceMs !== undefined || untilMs !== undefined
  const groups = [WORKLOADS, PODS, DESTINATIONS].flatMap((names) => {
    const asked = Object.entries(names.columns).filter(([column]) =>
      columns.includes(column as GroupColumn),
    )
    return asked.length === 0 ? [] : [{ ...names, asked: asked.map(([, name]) => name) }]
  })
  const filters = [
    within(
      'workload',
      filterOf({ workload, namespace }, { sni: 'name', workload: 'name', namespace: 'namespace' }),
    ),
    within(
      'destination',
      filterOf({ sni, notSni }, { sni: 'name', workload: 'name', namespace: 'namespace' }),
    ),
  ].filter(({ values }) => values.length > 0)
  const ids = groups.map(({ id }) => id)
  const timed = ofPods ? [PODS_USAGE] : ['usage_minute', 'usage_hour']
  const tables = ranged ? timed : ['pair_total']
  const conditions = [
    ...(ranged
      ? [
          {
            sql: 'window_ms >= ? AND window_ms < ?',
            values: ofPods ? wholeHours(sinceMs, untilMs) : [sinceMs ?? 0, untilMs ?? FOREVER_MS],
          },
        ]
      : []),
    ...filters,
  ]
  const keys = [...(buckets === undefined ? [] : ['window_ms']), ...ids]
  const sources = tables.map((table) =>
    sourceOf(
      table,
      ranged ? 'opened' : 'connections',
      keys,
      ids,
      conditions.map((condition) => condition.sql),
    ),
  )
  const merged = groups.filter((group) => isMerged(database, group))
  const keyed = [
    ...(buckets === undefined ? [] : [`${buckets.key('s.window_ms')} AS bucket_ms`]),
    ...groups.map((group) =>
      merged.includes(group)
        ? `${group.table}_group.first_id AS ${group.id}`
        : `s.${group.id} AS ${group.id}`,
    ),
  ]
  const aliases = merged.map(
    ({ table, asked }) => `${table}_group AS MATERIALIZED (
      SELECT id, min(id) OVER (PARTITION BY ${asked.join(', ')}) AS first_id FROM ${table})`,
  )
  const joins = merged.map(({ table, id }) => `JOIN ${table}_group ON ${table}_group.id = s.${id}`)
  const sql = (materialized: Materialized): string => `
    WITH ${[...aliases, ''].join(', ')} totals AS ${materialized} (
      SELECT ${[...keyed, ''].join(', ')} coalesce(${saturatingSum('s.upload')}, 0) AS upload,
             coalesce(${saturatingSum('s.download')}, 0) AS download,
             coalesce(sum(s.connections), 0) AS connections
      FROM (${sources.join(' UNION ALL ')}) s ${joins.join(' ')}
      ${keyed.length === 0 ? '' : `GROUP BY ${keyed.map((_, index) => index + 1).join(', ')}`})`
  return { sql, values: tables.flatMap(() => conditions.flatMap((condition) => condition.values)) }
}

/** Rows of a table; where its key (window, workload, destination) begins with the groups', their sums. */
function sourceOf(
  table: string,
  connections: string,
  keys: readonly string[],
  ids: readonly string[],
  conditions: readonly string[],
): string {
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const isPair = table === 'pair_total'
  // A destination's rows lie apart in any case, and so do a workload's pods: those would be sorted twice.
  if (table === PODS_USAGE || ids.includes('destination_id')) {
    return `SELECT ${keys.join(', ')}, upload, download, ${connections} AS connections FROM ${table} ${where}`
  }
  const prefix = [...(isPair ? [] : ['window_ms']), ...ids]
  if (prefix.length === 0) {
    return `SELECT ${SUMS}, sum(${connections}) AS connections FROM ${table} ${where}`
  }
  return `SELECT ${prefix.join(', ')}, ${SUMS}, sum(${connections}) AS connections FROM ${table} ${where} GROUP BY ${prefix.join(', ')}`
}

/** A file that no receiver of this version has opened yet has no table of pods. */
function insistOnPods(database: Database.Database): void {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'usage_pod'").get()
  if (table !== undefined) return
  throw new ServiceError(
    'no_pods',
    'the file is of an older version, which kept no usage per pod; serve of this version does from its first start on',
  )
}

/** The hours that a time range touches: usage per pod has nothing smaller. */
function wholeHours(sinceMs = 0, untilMs = FOREVER_MS): number[] {
  return [Math.floor(sinceMs / HOUR_MS) * HOUR_MS, untilMs]
}

function within(table: string, { sql, values }: Filter): Filter {
  return { sql: `${table}_id IN (SELECT id FROM ${table} WHERE ${sql})`, values }
}

/** Whether several rows of a table may have the same texts in the columns that are asked for. */
function isMerged(
  database: Database.Database,
  { table, asked, columns }: Names & { readonly asked: readonly string[] },
): boolean {
  if (asked.length === Object.keys(columns).length) return false
  const list = asked.join(', ')
  const twice = `SELECT 1 FROM ${table} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`
  return database.prepare(twice).get() !== undefined
}
