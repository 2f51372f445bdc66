import { type ConnectionChunk, NUMBERS, Num } from './connection-chunk.ts'

/** How moments of rows move when the wall clock was set. */
export interface MovedMoments {
  /** Moments since then were made by the clock that was set, unix ms; earlier ones were right, or another's. */
  readonly fromMs: number
  /** By this much, ms. */
  readonly byMs: number
  /** No moment is later, unix ms. */
  readonly latestMs: number
}

/**
 * Moves the moments that a row's next delta is booked from: it must cover the time since the last
 * sample, not the step. True if one moved.
 */
export function moveMoments(c: ConnectionChunk, o: number, moved: MovedMoments): boolean {
  const n = o * NUMBERS
  const momentMs = c.numbers[n + Num.momentMs] as number
  const startMs = c.numbers[n + Num.previousSpanStartMs] as number
  const endMs = c.numbers[n + Num.previousSpanEndMs] as number
  const toMomentMs = movedMoment(momentMs, moved)
  const toEndMs = movedMoment(endMs, moved)
  if (toMomentMs === momentMs && toEndMs === endMs) return false
  c.numbers[n + Num.momentMs] = toMomentMs
  c.numbers[n + Num.previousSpanEndMs] = toEndMs
  c.numbers[n + Num.previousSpanStartMs] = startMs + toEndMs - endMs
  return true
}

function movedMoment(ms: number, { fromMs, byMs, latestMs }: MovedMoments): number {
  return Math.min(ms >= fromMs ? ms + byMs : ms, latestMs)
}
