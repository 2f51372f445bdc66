/**
 * The wall clock was set: what arrives from now on has other times. Moments of before are as far off
 * as the clock was.
 */
export interface ClockStep {
  /** What the clock of arrivals said just before, unix ms. */
  readonly fromMs: number
  /** What it says from now on, unix ms. */
  readonly toMs: number
}
