/**
 * Which window a moment lies in. Windows are half-open, `[start, end)` in UTC; their length divides
 * a day, and another length begins at a UTC midnight, so no two windows overlap.
 */
export interface WindowLength {
  /** First moment of this length, unix ms; the first entry begins at 0. */
  readonly fromMs: number
  readonly seconds: number
}

export class WindowLengths {
  readonly #lengths: readonly WindowLength[]

  /** Ascending by `fromMs`; at least one. */
  constructor(lengths: readonly WindowLength[]) {
    if (lengths.length === 0) throw new RangeError('at least one window length is needed')
    this.#lengths = lengths
  }

  /** Length in force at a moment, in seconds. */
  secondsAt(ms: number): number {
    const lengths = this.#lengths
    let i = lengths.length - 1
    while (i > 0 && ms < (lengths[i] as WindowLength).fromMs) i--
    return (lengths[i] as WindowLength).seconds
  }

  /** Start of the window that holds the moment. */
  startOf(ms: number): number {
    const lengthMs = this.secondsAt(ms) * 1000
    return Math.floor(ms / lengthMs) * lengthMs
  }
}
