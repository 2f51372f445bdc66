export interface ArrivalClockOptions {
  /** The wall clock, unix ms; may jump. */
  readonly wallMs: () => number
  /** A monotonic clock, ms; never goes back. */
  readonly monotonicMs: () => number
  /** The newest moment of the file, unix ms: the clock never says less. */
  readonly floorMs: number
}

/** How far the clock may run faster or slower than monotonic time: 1 %. */
const MAX_SLEW = 0.01

/**
 * The clock of arrivals: the wall clock at start plus monotonic time, slewed towards the wall clock
 * by at most 1 %. So a wall clock that jumps by an hour or a year, either way, books no byte to
 * another window; one that drifts is followed.
 */
export class ArrivalClock {
  readonly #wallMs: () => number
  readonly #monotonicMs: () => number
  readonly #startMs: number
  readonly #monotonicStartMs: number
  #elapsedMs = 0
  /**
   * What slewing added so far. Kept apart from the unix time: beside 1.8e12 the steps of a busy
   * receiver (0.01 ms and less) would be lost to rounding.
   */
  #slewMs = 0

  constructor({ wallMs, monotonicMs, floorMs }: ArrivalClockOptions) {
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
    this.#startMs = Math.max(wallMs(), floorMs)
    this.#monotonicStartMs = monotonicMs()
  }

  /** Unix time in whole ms; never less than the time before, nor than `floorMs`. */
  now(): number {
    const elapsedMs = Math.max(this.#elapsedMs, this.#monotonicMs() - this.#monotonicStartMs)
    const most = (elapsedMs - this.#elapsedMs) * MAX_SLEW
    this.#elapsedMs = elapsedMs
    const behindMs = this.#wallMs() - (this.#startMs + elapsedMs + this.#slewMs)
    this.#slewMs += Math.min(most, Math.max(-most, behindMs))
    return Math.floor(this.#startMs + elapsedMs + this.#slewMs)
  }
}
