import type { Parsed } from './duration.ts'

/** Exact multiples; binary before decimal, largest first, so that formatting finds `64MiB` and `1GB`. */
const UNITS = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
  ['B', 1],
] as const

const SIZE = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i

/**
 * Reads a size like `64MiB` (1024s), `1GB` (1000s) or `4096` (bytes) into whole bytes. `Ki`, `Mi`, `Gi`
 * and `Ti` are read as Kubernetes does. A bare `64M` is refused: half of the world means MiB by it.
 */
export function parseSize(text: string): Parsed<number> {
  const match = SIZE.exec(text)
  if (match === null) return { wrong: 'is not a size' }
  const suffix = (match[2] ?? '').toLowerCase()
  const spelled = suffix === '' ? 'b' : /^[kmgt]i$/.test(suffix) ? `${suffix}b` : suffix
  const unit = UNITS.find(([name]) => name.toLowerCase() === spelled)
  if (unit === undefined) return { wrong: `has the unknown unit "${match[2]}"` }
  const bytes = Number(match[1]) * unit[1]
  const whole = Math.round(bytes)
  if (Math.abs(bytes - whole) > 1e-6) return { wrong: 'is not a whole number of bytes' }
  return Number.isSafeInteger(whole) ? { value: whole } : { wrong: 'is too large' }
}

/** The shortest exact spelling with one unit: `64MiB`, `1GB`, `4097B`; reads back to the same bytes. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B'
  for (const [unit, size] of UNITS) if (bytes % size === 0) return `${bytes / size}${unit}`
  return `${bytes}B`
}
