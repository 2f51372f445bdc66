const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
const DAY_MS = 86_400_000

/**
 * A moment in unix ms: `now`, `today`, `yesterday` (UTC midnights), `-1h` (before now; s, m, h, d, w),
 * a UTC date `2026-11-24`, or an ISO time (UTC where it names no zone). Throws a RangeError that says
 * what can be written.
 */
export function parseTime(text: string, nowMs: number): number {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS
  if (text === 'now') return nowMs
  if (text === 'today') return today
  if (text === 'yesterday') return today - DAY_MS
  const [, amount, unit] = /^-(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) {
    return nowMs - Number(amount) * (UNITS[unit] as number)
  }
  const ms = isoMs(text)
  if (!Number.isNaN(ms)) return ms
  throw new RangeError(
    `${JSON.stringify(text)} is no time; write -1h, -3d, now, today, yesterday, 2026-11-24 or 2026-11-24T18:00Z`,
  )
}

function isoMs(text: string): number {
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(
      text,
    )
  if (match === null) return Number.NaN
  const [, date = '', time = '00:00', zone = 'Z'] = match
  return isDate(date) ? Date.parse(`${date}T${time}${zone.toUpperCase()}`) : Number.NaN
}

/** `Date.parse` takes 30 February for 2 March. */
function isDate(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date)
}
