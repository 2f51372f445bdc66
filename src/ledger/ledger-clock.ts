/** A step longer than this counts as this long. */
const MAX_STEP_MS = 60_000

/**
 * The clock that ages of connections run on: the sum of the steps between arrivals and ticks, each
 * at least 0 and at most 60 s. A week of downtime is a minute to it, so nothing is orphaned or
 * deleted for having been silent while nobody listened; a wall clock that jumps cannot age anything.
 */
export class LedgerClock {
  /** Ledger time, ms. */
  ms: number
  /** Newest arrival or tick, unix ms. */
  newestMs: number
  #lastMs: number | undefined

  constructor(ms: number, newestMs: number) {
    this.ms = ms
    this.newestMs = newestMs
  }

  /** Takes the time of an arrival or a tick. */
  advance(nowMs: number): void {
    if (this.#lastMs !== undefined) {
      this.ms += Math.min(Math.max(nowMs - this.#lastMs, 0), MAX_STEP_MS)
    }
    this.#lastMs = nowMs
    if (nowMs > this.newestMs) this.newestMs = nowMs
  }
}
