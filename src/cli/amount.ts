/** Units of bytes for people: `GiB` and its like are powers of 1024, `GB` and its like powers of 1000. */
export const UNITS = ['GiB', 'GB'] as const

export type Units = (typeof UNITS)[number]

const NAMES: Readonly<Record<Units, readonly string[]>> = {
  GiB: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'],
  GB: ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'],
}

/**
 * Bytes for people: `1.2 GiB`, at most four digits. Rounded down at the last shown digit and never
 * up, so that a number on the screen is never more than what was counted.
 */
export function humanBytes(bytes: bigint, units: Units = 'GiB'): string {
  if (bytes < 0n) return `-${humanBytes(-bytes, units)}`
  const names = NAMES[units]
  const step = units === 'GB' ? 1000n : 1024n
  let unit = 0
  let scale = 1n
  while (unit < names.length - 1 && bytes >= scale * step) {
    scale *= step
    unit++
  }
  const tenths = (bytes * 10n) / scale
  const whole = tenths / 10n
  const text = unit === 0 || whole >= 100n ? `${whole}` : `${whole}.${tenths % 10n}`
  return `${text} ${names[unit]}`
}

/** Bytes per second for people; an unknown rate is empty. */
export function humanRate(bytesPerSecond: number | undefined, units?: Units): string {
  if (bytesPerSecond === undefined) return ''
  return `${humanBytes(BigInt(Math.round(bytesPerSecond)), units)}/s`
}

/** A count with thousands separated: `1,234,567`. Exact at any size. */
export function groupedCount(count: bigint): string {
  return count.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** A duration for people, two units at most: `3d 4h`, `12s`. */
export function humanDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ')
}
