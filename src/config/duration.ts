/** What a text was read as, or what is wrong with it. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string }

/** Largest first, so that formatting picks the largest unit that divides. */
const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhd])/g

/**
 * Reads a duration like `15s`, `250ms`, `1h30m` or `3d` into whole milliseconds; a plain `0` needs no
 * unit. Anything else is wrong: a number without a unit could be seconds or milliseconds.
 */
export function parseDuration(text: string): Parsed<number> {
  if (text === '0') return { value: 0 }
  if (/^\d+(\.\d+)?$/.test(text)) return { wrong: 'has no unit' }
  if (!DURATION.test(text)) return { wrong: 'is not a duration' }
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART)) {
    ms += Number(amount) * (UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN)
  }
  // 0.1h is 360000.00000000006 in doubles: accept what is a whole number but for rounding.
  const whole = Math.round(ms)
  if (Math.abs(ms - whole) > 1e-6) return { wrong: 'is not a whole number of milliseconds' }
  return Number.isSafeInteger(whole) ? { value: whole } : { wrong: 'is too long' }
}

/** The shortest spelling with one unit: `90s`, `3d`; reads back to the same milliseconds. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  for (const [unit, size] of UNITS) if (ms % size === 0) return `${ms / size}${unit}`
  return `${ms}ms`
}
