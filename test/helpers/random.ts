/** A seeded generator (mulberry32): the same numbers for the same seed, everywhere. */
export class Random {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed
    this.#state = seed >>> 0
  }

  /** 0 ≤ x < 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer, `from` ≤ x < `to`. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from))
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length)] as T
  }

  /** A UUID as Envoy makes them (version 4). */
  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.integer(0, 16).toString(16))
    hex[12] = '4'
    hex[16] = '89ab'[this.integer(0, 4)] as string
    const text = hex.join('')
    return [0, 8, 12, 16, 20]
      .map((at, index) => text.slice(at, [8, 12, 16, 20, 32][index]))
      .join('-')
  }
}

/** The seed of a run: `SNIMETER_TEST_SEED`, or a new one. */
export function runSeed(): number {
  return Number(process.env['SNIMETER_TEST_SEED'] ?? Date.now() % 2 ** 31)
}
