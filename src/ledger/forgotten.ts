import { NO_TIME } from '../model/sample.ts'

/** How long the file keeps rows, plus a day: starts further ahead than this are found another way. */
export const FAR_AHEAD_MS = 8 * 24 * 3_600_000

/**
 * Which unknown ids must be looked up in the file before they are booked.
 *
 * A connection has one start time, the same in all its entries. So a row that memory has forgotten
 * can only come back with a start that is not newer than the newest start forgotten. Comparing starts
 * with starts (not with moments of our clock) keeps the rule right when a node's clock is off. A
 * start ahead of its own arrival is looked up always; only starts absurdly far ahead are left out of
 * the mark, and those stay ahead of every arrival for as long as the file keeps rows.
 */
export class Forgotten {
  /** Newest start of any row that is in the file but not in memory, unix ms. */
  newestStartMs: number

  constructor(newestStartMs: number) {
    this.newestStartMs = newestStartMs
  }

  /** A row with this start leaves memory. */
  note(startMs: number, nowMs: number): void {
    if (startMs > this.newestStartMs && startMs <= nowMs + FAR_AHEAD_MS) {
      this.newestStartMs = startMs
    }
  }

  mustLookUp(startMs: number, arrivalMs: number): boolean {
    return startMs === NO_TIME || startMs > arrivalMs || startMs <= this.newestStartMs
  }
}
