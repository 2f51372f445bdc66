/** A step longer than this counts as this long. */
const MAX_STEP_MS = 60_000

/**
 * The clock that ages of connections run on: the sum of the steps by which arrivals and ticks go
 * beyond the newest one, each at most 60 s. A week of downtime is a minute to it, so nothing is
 * orphaned or deleted for having been silent while nobody listened; a wall clock that is set cannot age
 * anything, and neither can the replay of an old recording: its time has passed already.
 */
export class LedgerClock {
  /** Ledger time, ms. */
  ms: number
  /** Newest arrival or tick since the wall clock was set last, unix ms. */
  newestMs: number
  #begun = false

  constructor(ms: number, newestMs: number) {
    this.ms = ms
    this.newestMs = newestMs
  }

  /** Takes the time of an arrival or a tick. */
  advance(nowMs: number): void {
    const step = nowMs - this.newestMs
    // The first step of a process spans the time that nobody listened.
    if (step > 0 && this.#begun) this.ms += Math.min(step, MAX_STEP_MS)
    if (step > 0) this.newestMs = nowMs
    this.#begun = true
  }

  /** The wall clock was set: arrivals go on from this moment, forward or back. Nothing ages by that. */
  stepTo(nowMs: number): void {
    this.newestMs = nowMs
    this.#begun = true
  }
}
