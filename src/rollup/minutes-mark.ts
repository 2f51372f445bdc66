const HOUR_MS = 3_600_000
/** A wall clock that was set, or that a process has begun with, is believed after this much ledger time, ms. */
const BELIEVED_AFTER_MS = 10 * 60_000
/** From then on the mark moves at most this many times as fast as the ledger clock. */
const FASTEST = 24

/** What the mark follows. */
export interface MarkTarget {
  /** The mark as it is, unix ms. */
  readonly markMs: number
  /** Minutes before this are old enough to be hours, unix ms. */
  readonly oldMs: number
  /** Ledger time, ms. */
  readonly ledgerMs: number
  /** Length of the windows at `oldMs`, ms. */
  readonly windowMs: number
}

/**
 * Where minutes become hours. The mark stands on whole hours (or windows). With recorded arrivals it
 * follows them. With a wall clock it does so slowly, and not at once: a clock that is years ahead for
 * its first seconds must not push it ahead of everything that comes later.
 */
export class MinutesMark {
  readonly #wallClock: boolean
  /** Ledger time since which the wall clock was not set, and the mark then; undefined before the first look. */
  #since: { readonly ledgerMs: number; readonly markMs: number } | undefined

  constructor(wallClock: boolean) {
    this.#wallClock = wallClock
  }

  /** The wall clock was set. */
  stepped(): void {
    this.#since = undefined
  }

  /** Where the mark should be now; never before `markMs`. */
  next({ markMs, oldMs, ledgerMs, windowMs }: MarkTarget): number {
    const step = Math.max(HOUR_MS, windowMs)
    const most = this.#wallClock ? this.#most(ledgerMs, markMs) : oldMs
    return Math.max(markMs, Math.floor(Math.min(oldMs, most) / step) * step)
  }

  #most(ledgerMs: number, markMs: number): number {
    this.#since ??= { ledgerMs, markMs }
    const provenMs = ledgerMs - this.#since.ledgerMs
    if (provenMs < BELIEVED_AFTER_MS) return markMs
    // A new file has nothing that it could be ahead of.
    return this.#since.markMs === 0
      ? Number.POSITIVE_INFINITY
      : this.#since.markMs + provenMs * FASTEST
  }
}
