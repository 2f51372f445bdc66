export interface BackoffOptions {
  /** Longest first delay, ms. */
  readonly firstMs: number
  /** No delay is longer, ms. */
  readonly maxMs: number
  /** Uniform in [0, 1); a test passes its own. */
  readonly random?: () => number
}

/**
 * Delays of a retry: they double up to a cap, and each is between half and all of its step, so that
 * many who failed together do not come back together.
 */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #stepMs: number

  constructor({ firstMs, maxMs, random = Math.random }: BackoffOptions) {
    this.#firstMs = Math.min(firstMs, maxMs)
    this.#maxMs = maxMs
    this.#random = random
    this.#stepMs = this.#firstMs
  }

  /** Delay before the next attempt, ms. */
  next(): number {
    const stepMs = this.#stepMs
    this.#stepMs = Math.min(this.#maxMs, stepMs * 2)
    return stepMs * (0.5 + this.#random() / 2)
  }

  /** An attempt succeeded: the next failure starts over. */
  reset(): void {
    this.#stepMs = this.#firstMs
  }
}
