import { Zone } from '../runtime/zone.ts'

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
const DAY_MS = 86_400_000

/**
 * A moment in unix ms: `now`, `today`, `yesterday` (midnights of the zone), `-1h` (before now; s, m, h, d, w),
 * a date `2026-11-24` or an ISO time (of the zone where it names none). Throws a RangeError that says what
 * can be written.
 */
export function parseTime(text: string, nowMs: number, zone = Zone.utc): number {
  if (text === 'now') return nowMs
  const localDay = Math.floor((nowMs + zone.offsetMs(nowMs)) / DAY_MS) * DAY_MS
  if (text === 'today') return zone.momentMs(localDay)
  if (text === 'yesterday') return zone.momentMs(localDay - DAY_MS)
  const [, amount, unit] = /^-(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) {
    return nowMs - Number(amount) * (UNITS[unit] as number)
  }
  const ms = isoMs(text, zone)
  if (!Number.isNaN(ms)) return ms
  throw new RangeError(
    `${JSON.stringify(text)} is no time; write -1h, -3d, now, today, yesterday, 2026-11-24 or 2026-11-24T18:00Z`,
  )
}

function isoMs(text: string, zone: Zone): number {
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(
      text,
    )
  if (match === null) return Number.NaN
  const [, date = '', time = '00:00', offset] = match
  if (!isDate(date)) return Number.NaN
  if (offset !== undefined) return Date.parse(`${date}T${time}${offset.toUpperCase()}`)
  const local = Date.parse(`${date}T${time}Z`)
  return Number.isNaN(local) ? local : zone.momentMs(local)
}

/** `Date.parse` takes 30 February for 2 March. */
function isDate(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date)
}
