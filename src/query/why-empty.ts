import type Database from 'better-sqlite3'
import { Zone } from '../runtime/zone.ts'
import { type FilterRequest, filterOf } from './filter.ts'
import { literalOf, nearestTo } from './nearest.ts'

/** Names that are compared with a glob: those that it is a part of, and the newest ones of a file. */
const MOST_PARTS = 1000
const MOST_COMPARED = 50_000
const NAMED = { sni: 'name', workload: 'name', namespace: 'namespace' }

interface Asked extends FilterRequest {
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly zone?: string | undefined
}

/** Why a question about totals has no rows: a sentence for people. */
export function whyNoTotals(database: Database.Database, asked: Asked): string {
  return whyEmpty(database, asked, {
    what: 'usage',
    table: 'pair_total',
    first: 'first_ms',
    last: 'last_ms',
    kind: '1',
  })
}

/** Why a question about connections has no rows. */
export function whyNoConnections(
  database: Database.Database,
  asked: Asked & { readonly state?: string | undefined },
): string {
  return whyEmpty(database, asked, {
    what: asked.state === undefined ? 'connections' : `connections in state ${asked.state}`,
    table: 'connection',
    first: 'start_ms',
    last: 'last_arrival_ms',
    kind: 'kind = 1',
  })
}

interface Source {
  readonly what: string
  readonly table: string
  readonly first: string
  readonly last: string
  readonly kind: string
}

function whyEmpty(database: Database.Database, asked: Asked, source: Source): string {
  const all = rangeOf(database, source, {}, asked.zone)
  if (all === undefined) return `the file has no ${plain(source.what)} yet`
  const missing = [...absentNames(database, asked), ...absentWorkloads(database, asked)]
  if (missing.length > 0)
    return `${missing.join('; ')}. The file has ${plain(source.what)} from ${all}`
  const matching = rangeOf(database, source, asked, asked.zone)
  if (matching === undefined) {
    return `there are such names and such workloads, but not together. The file has ${plain(source.what)} from ${all}`
  }
  if (asked.sinceMs !== undefined || asked.untilMs !== undefined) {
    return `what matches has ${plain(source.what)} from ${matching}, and no ${source.what} in the time asked for`
  }
  return `nothing that matches is among the ${source.what}. The file has ${plain(source.what)} from ${all}`
}

const plain = (what: string): string => what.replace(/ in state .*/, '')

/** First and last moment of what matches. */
function rangeOf(
  database: Database.Database,
  { table, first, last, kind }: Source,
  asked: FilterRequest,
  zoneName: string | undefined,
): string | undefined {
  const { sni, notSni, workload, namespace } = asked
  const parts = [
    ['destination', filterOf({ sni, notSni }, NAMED)] as const,
    ['workload', filterOf({ workload, namespace }, NAMED)] as const,
  ].filter(([, { values }]) => values.length > 0)
  const conditions = parts.map(
    ([names, { sql }]) => `${names}_id IN (SELECT id FROM ${names} WHERE ${sql})`,
  )
  const [from, to] = database
    .prepare(
      `SELECT min(${first}), max(${last}) FROM ${table} WHERE ${[kind, ...conditions].join(' AND ')}`,
    )
    .raw()
    .get(...parts.flatMap(([, { values }]) => values)) as (bigint | number | null)[]
  if (from === undefined || from === null) return undefined
  const zone = zoneName === undefined ? Zone.utc : Zone.of(zoneName)
  const second = (ms: bigint | number | null | undefined): string =>
    zone.iso(Math.floor(Number(ms ?? 0) / 1000) * 1000)
  return `${second(from)} to ${second(to)}`
}

function absentNames(database: Database.Database, { sni, notSni }: FilterRequest): string[] {
  const matches = (filter: FilterRequest): boolean => isThere(database, 'destination', filter)
  if (sni !== undefined && !matches({ sni })) {
    return [
      `no name matches ${quoted(sni)}${near(sni, textsOf(database, 'destination', 'name', sni))}`,
    ]
  }
  return notSni === undefined || matches({ sni, notSni })
    ? []
    : [`every name that is left matches ${quoted(notSni)}, which leaves it out`]
}

function absentWorkloads(
  database: Database.Database,
  { workload, namespace }: FilterRequest,
): string[] {
  const absent: string[] = []
  if (namespace !== undefined && !isThere(database, 'workload', { namespace })) {
    const texts = textsOf(database, 'workload', 'namespace', namespace)
    absent.push(`no namespace matches ${quoted(namespace)}${near(namespace, texts)}`)
  }
  if (workload !== undefined && !isThere(database, 'workload', { workload })) {
    const text = workload.includes('/') ? "namespace || '/' || name" : 'name'
    const texts = textsOf(database, 'workload', text, workload)
    absent.push(`no workload matches ${quoted(workload)}${near(workload, texts)}`)
  }
  return absent
}

const quoted = (text: string): string => JSON.stringify(text)

function near(glob: string, texts: readonly string[]): string {
  const nearest = nearestTo(glob, texts)
  return nearest.length === 0 ? '' : ` (near it: ${nearest.join(', ')})`
}

function isThere(
  database: Database.Database,
  table: 'destination' | 'workload',
  filter: FilterRequest,
): boolean {
  const { sql, values } = filterOf(filter, NAMED)
  const statement = `SELECT 1 FROM ${table} WHERE ${sql} LIMIT 1`
  return database.prepare(statement).get(...values) !== undefined
}

function textsOf(database: Database.Database, table: string, text: string, glob: string): string[] {
  const literal = literalOf(glob)
  return database
    .prepare(`
      SELECT text FROM (SELECT ${text} AS text FROM ${table}
                        WHERE ? <> '' AND instr(lower(${text}), ?) > 0 ORDER BY length(${text}), id LIMIT ?)
      UNION SELECT text FROM (SELECT ${text} AS text FROM ${table} ORDER BY id DESC LIMIT ?)`)
    .pluck()
    .all(literal, literal, MOST_PARTS, MOST_COMPARED) as string[]
}
