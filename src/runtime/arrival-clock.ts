import type { ClockStep } from '../model/clock-step.ts'

export interface ArrivalClockOptions {
  /** The wall clock, unix ms; may jump. */
  readonly wallMs: () => number
  /** A monotonic clock, ms; never goes back. */
  readonly monotonicMs: () => number
  /** The newest moment of the file, unix ms: where the clock starts if the wall clock is a little behind. */
  readonly floorMs: number
}

/** How far the clock may run faster or slower than monotonic time: 1 %. */
const MAX_SLEW = 0.01

/**
 * Further off than this the wall clock was set, ms. Drift and NTP's corrections of a running machine
 * stay far below; and what slewing takes over (5 s in 8 minutes) moves no byte by more than this.
 */
export const STEP_MS = 5000
/** Looks that must find the same offset before it is a step, and the time between them, ms: one bad reading is none. */
const LOOKS = 4
const LOOK_EVERY_MS = 250
/** Offsets of one step differ by less than this from look to look, ms. */
const STEADY_MS = 1000
/** A wall clock before this has not been set since the machine started. */
const PLAUSIBLE_MS = Date.UTC(2020, 0)

/**
 * Where arrivals begin: at the wall clock, or at the newest moment of the file if the wall clock is
 * only a little behind it, or was never set.
 */
export function firstMoment(wallMs: number, newestMs: number): number {
  if (wallMs >= newestMs) return wallMs
  return newestMs - wallMs > STEP_MS && wallMs >= PLAUSIBLE_MS ? wallMs : newestMs
}

/**
 * The clock of arrivals: the wall clock at start plus monotonic time. A wall clock that drifts is
 * followed by at most 1 %. One that was set (by NTP, or by hand) is taken over at once, forward or
 * back, when `look` has seen it at the same place for a second.
 */
export class ArrivalClock {
  /** Steps taken over so far. */
  stepsForward = 0
  stepsBack = 0
  readonly #wallMs: () => number
  readonly #monotonicMs: () => number
  #startMs: number
  readonly #monotonicStartMs: number
  #elapsedMs = 0
  /**
   * What slewing added so far. Kept apart from the unix time: beside 1.8e12 the steps of a busy
   * receiver (0.01 ms and less) would be lost to rounding.
   */
  #slewMs = 0
  /** Looks that found the wall clock at `#suspectMs` beside this one, the last one at `#lookedMs`. */
  #looks = 0
  #suspectMs = 0
  #lookedMs = 0

  constructor({ wallMs, monotonicMs, floorMs }: ArrivalClockOptions) {
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
    this.#startMs = firstMoment(wallMs(), floorMs)
    this.#monotonicStartMs = monotonicMs()
  }

  /** Unix time in whole ms; never less than the time before, but for a step. */
  now(): number {
    const elapsedMs = Math.max(this.#elapsedMs, this.#monotonicMs() - this.#monotonicStartMs)
    const most = (elapsedMs - this.#elapsedMs) * MAX_SLEW
    this.#elapsedMs = elapsedMs
    const behindMs = this.#wallMs() - this.#exactMs
    // A clock that was set is not followed: it is taken over, or it was a bad reading.
    if (Math.abs(behindMs) <= STEP_MS) this.#slewMs += Math.min(most, Math.max(-most, behindMs))
    return Math.floor(this.#exactMs)
  }

  /** How far the wall clock is ahead of this one, ms; negative behind. */
  get offsetMs(): number {
    this.now()
    return this.#wallMs() - this.#exactMs
  }

  /**
   * Looks at the wall clock; to be called a few times a second. When it was set, this clock is there
   * from now on, and the step is given back: whoever keeps moments of this clock must be told.
   */
  look(): ClockStep | undefined {
    const fromMs = this.now()
    const wallMs = this.#wallMs()
    const offsetMs = wallMs - this.#exactMs
    if (Math.abs(offsetMs) <= STEP_MS || wallMs < PLAUSIBLE_MS) {
      this.#looks = 0
      return undefined
    }
    if (this.#looks === 0 || Math.abs(offsetMs - this.#suspectMs) > STEADY_MS) {
      this.#suspect(offsetMs, 1)
      return undefined
    }
    if (this.#elapsedMs - this.#lookedMs < LOOK_EVERY_MS) return undefined
    this.#suspect(offsetMs, this.#looks + 1)
    if (this.#looks < LOOKS) return undefined
    this.#looks = 0
    if (offsetMs > 0) this.stepsForward++
    else this.stepsBack++
    this.#startMs += offsetMs
    return { fromMs, toMs: Math.floor(this.#exactMs) }
  }

  #suspect(offsetMs: number, looks: number): void {
    this.#suspectMs = offsetMs
    this.#looks = looks
    this.#lookedMs = this.#elapsedMs
  }

  get #exactMs(): number {
    return this.#startMs + this.#elapsedMs + this.#slewMs
  }
}
