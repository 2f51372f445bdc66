/** How many times the free part of a pool one sender may hold. */
const ALPHA = 8
/** The part of a pool that each sender is sure of, as a divisor. */
const SURE_PART = 50

/** A pool of which each sender is sure of a fiftieth, or of an equal part when there are more senders. */
export function sharedPool(limit: number): FairShare {
  return new FairShare(limit, Math.floor(limit / SURE_PART), limit)
}

/** A pool that holds `capacity` in all: a sender that is alone gets eight ninths of it. */
export function wholePool(capacity: number): FairShare {
  return new FairShare((capacity * ALPHA) / (ALPHA + 1))
}

/**
 * A bounded pool that many senders share, with a part that no other can take. A sender may take one
 * more while it holds less than `guaranteed`, or less than `ALPHA` times what is free (the dynamic
 * threshold rule of Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
 * Switches", 1998).
 *
 *   capacity = limit * (ALPHA + 1) / ALPHA
 *   ├───────────── one sender: at most limit ─────────────┤── free ──┤   + guaranteed per sender
 *
 * A sender that is alone gets exactly `limit`. One that comes when others have taken all they could
 * gets `guaranteed` at least. All together hold at most `limit * 9 / 8 + senders * guaranteed`: who
 * uses a pool bounds the number of senders, or gives a `reserve`: when guarantees would add up to more
 * than that, each sender is sure of an equal part of it.
 */
export class FairShare {
  /** What all senders hold. */
  total = 0
  /** Times that `hasRoom` said no. */
  refusals = 0
  readonly limit: number
  readonly guaranteed: number
  readonly #reserve: number
  readonly #capacity: number
  readonly #held = new Map<string, number>()
  /** Taken by somebody not known any more: counts for each sender as if it were its own. */
  #common = 0

  /** `limit`: what one sender may hold while it is alone, at least 1; `guaranteed`: what each may hold always. */
  constructor(limit: number, guaranteed = 0, reserve = Number.POSITIVE_INFINITY) {
    this.limit = limit
    this.#reserve = reserve
    this.guaranteed = Math.min(guaranteed, limit)
    this.#capacity = (limit * (ALPHA + 1)) / ALPHA
  }

  /** What a sender holds. */
  held(sender: string): number {
    return this.#held.get(sender) ?? 0
  }

  /** Senders that hold anything. */
  get senders(): number {
    return this.#held.size
  }

  /** Whether a sender may take `amount` more; a refusal is counted. */
  hasRoom(sender: string, amount = 1): boolean {
    if (this.fits(sender, amount)) return true
    this.refusals++
    return false
  }

  /** The same without counting. */
  fits(sender: string, amount = 1): boolean {
    return this.fitsBeside(this.held(sender), this.total, amount)
  }

  /** The same if the sender held `held`, and all together `total`. */
  fitsBeside(held: number, total: number, amount = 1): boolean {
    if (held + amount <= this.#sureOf(held)) return true
    const free = this.#capacity - total - (amount - 1)
    // Of a small pool the free part can be less than one: then there is none.
    const isFree = total + amount <= this.#capacity
    return isFree && held + this.#common + amount - 1 < ALPHA * free
  }

  /** What a sender that holds `held` is sure of. */
  #sureOf(held: number): number {
    const senders = this.#held.size + (held === 0 ? 1 : 0)
    return Math.min(this.guaranteed, this.#reserve / senders)
  }

  /** Takes `amount` for a sender, whether there is room or not. */
  take(sender: string, amount = 1): void {
    this.total += amount
    this.#held.set(sender, this.held(sender) + amount)
  }

  /**
   * Takes `amount` for a sender that is not known any more (the file brought it back). It counts for each
   * sender as if it were its own, so that a restart renews no limit, but takes nothing of what each is sure of.
   */
  takeForAll(amount = 1): void {
    this.total += amount
    this.#common += amount
  }

  /** Gives back what a sender has taken. */
  release(sender: string, amount = 1): void {
    const left = this.held(sender) - amount
    this.total -= amount
    if (left > 0) this.#held.set(sender, left)
    else this.#held.delete(sender)
  }

  /** The sender that holds most; undefined while nobody holds anything. Looks at every sender. */
  largest(): string | undefined {
    let found: string | undefined
    let most = 0
    for (const [sender, held] of this.#held) {
      if (held <= most) continue
      most = held
      found = sender
    }
    return found
  }

  /** Everything is given back. */
  clear(): void {
    this.total = 0
    this.#common = 0
    this.#held.clear()
  }
}
