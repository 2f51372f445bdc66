import type { FarStarts } from '../model/batch.ts'
import { NO_TIME } from '../model/sample.ts'

/** Starts further ahead of the newest moment than this do not move the mark. */
export const FAR_AHEAD_MS = 8 * 24 * 3_600_000

/**
 * Which unknown ids must be looked up in the file before they are booked.
 *
 * A connection has one start time, the same in all its entries. So a row that memory has forgotten
 * can only come back with a start that is not newer than the newest start forgotten. Comparing starts
 * with starts (not with moments of our clock) keeps the rule right when a node's clock is off, and
 * when ours is set. A start ahead of its own arrival is looked up always. Starts absurdly far ahead
 * (of a node, or because our clock was far behind) do not move the mark: one node would have
 * everything looked up for years. They are kept as a range of their own, until time has come near it.
 */
export class Forgotten {
  /** Newest start of any row that is in the file but not in memory, unix ms; those of `far` left out. */
  newestStartMs: number
  /** First and last start of those far ahead; undefined = none. */
  far: FarStarts | undefined

  constructor(newestStartMs: number, far?: FarStarts) {
    this.newestStartMs = newestStartMs
    this.far = far
  }

  /** A row with this start leaves memory (or enters the file). */
  note(startMs: number, nowMs: number): void {
    const limit = nowMs + FAR_AHEAD_MS
    if (this.far !== undefined && this.far.toMs <= limit) {
      this.newestStartMs = Math.max(this.newestStartMs, this.far.toMs)
      this.far = undefined
    }
    if (startMs <= this.newestStartMs) return
    if (startMs <= limit) this.newestStartMs = startMs
    else if (this.far === undefined) this.far = { fromMs: startMs, toMs: startMs }
    else if (startMs < this.far.fromMs) this.far = { ...this.far, fromMs: startMs }
    else if (startMs > this.far.toMs) this.far = { ...this.far, toMs: startMs }
  }

  mustLookUp(startMs: number, arrivalMs: number): boolean {
    if (startMs === NO_TIME || startMs > arrivalMs || startMs <= this.newestStartMs) return true
    return this.far !== undefined && startMs >= this.far.fromMs && startMs <= this.far.toMs
  }
}
