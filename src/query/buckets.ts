import type Database from 'better-sqlite3'
import { offsetText, Zone, type ZoneSpan } from '../runtime/zone.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const UTC_HOUR = '%Y-%m-%dT%H:00:00Z'

/** SQL that puts windows into hours or days, and writes those as text. */
export interface Buckets {
  /** Of a window's start. */
  readonly key: (windowMs: string) => string
  /** Of a key. */
  readonly hour: (key: string) => string
  readonly day: (key: string) => string
}

/**
 * Hours, which are those of UTC in every zone, or days of a zone: a window is in the day in which it begins.
 * The zone's offsets are those of the windows that the file has.
 */
export function bucketsOf(
  database: Database.Database,
  zoneName: string | undefined,
  byHour: boolean,
): Buckets {
  const zone = zoneName === undefined ? Zone.utc : Zone.of(zoneName)
  const hourKey = (ms: string): string => `${ms} / ${HOUR_MS} * ${HOUR_MS}`
  const text = (format: string, ms: string): string =>
    `strftime('${format}', (${ms}) / 1000, 'unixepoch')`
  if (zone.isUtc) {
    return {
      key: byHour ? hourKey : (ms) => `${ms} / ${DAY_MS} * ${DAY_MS}`,
      hour: (key) => text(UTC_HOUR, key),
      day: (key) => text('%Y-%m-%d', key),
    }
  }
  const spans = zone.spans(...windowsOf(database))
  const offset = (ms: string): string => byTime(ms, spans, ({ offsetMs }) => String(offsetMs))
  const suffix = (ms: string): string =>
    byTime(ms, spans, ({ offsetMs }) => `'${offsetText(offsetMs)}'`)
  return {
    // A day's key is its local midnight, as if it were in UTC: two midnights can be 23 or 25 hours apart.
    key: byHour ? hourKey : (ms) => `(${ms} + ${offset(ms)}) / ${DAY_MS} * ${DAY_MS}`,
    hour: (key) => `${text('%Y-%m-%dT%H:%M:%S', `${key} + ${offset(key)}`)} || ${suffix(key)}`,
    day: (key) => text('%Y-%m-%d', byHour ? `${key} + ${offset(key)}` : key),
  }
}

/** Starts of the first and the last window of a file, unix ms; 0 and 0 without any. */
function windowsOf(database: Database.Database): [firstMs: number, lastMs: number] {
  const row = database
    .prepare(`
      SELECT min(first), max(last) FROM (
        SELECT (SELECT min(window_ms) FROM usage_minute) AS first, (SELECT max(window_ms) FROM usage_minute) AS last
        UNION ALL SELECT (SELECT min(window_ms) FROM usage_hour), (SELECT max(window_ms) FROM usage_hour))`)
    .raw()
    .get() as (bigint | number | null)[]
  return [Number(row[0] ?? 0), Number(row[1] ?? 0)]
}

function byTime(
  ms: string,
  spans: readonly ZoneSpan[],
  valueOf: (span: ZoneSpan) => string,
): string {
  const [first, ...later] = spans.toReversed()
  if (first === undefined) return '0'
  const values = [first, ...later].map((span) => valueOf(span))
  if (later.length === 0) return values[0] ?? '0'
  const cases = [first, ...later.slice(0, -1)].map(
    ({ fromMs }, index) => `WHEN ${ms} >= ${fromMs} THEN ${values[index]}`,
  )
  return `CASE ${cases.join(' ')} ELSE ${values.at(-1)} END`
}
