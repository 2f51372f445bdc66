/** How many times the free part of a pool one sender may hold. */
const ALPHA = 8

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
 * uses a pool bounds the number of senders.
 */
export class FairShare {
  /** What all senders hold. */
  total = 0
  /** Times that `hasRoom` said no. */
  refusals = 0
  readonly limit: number
  readonly guaranteed: number
  readonly #capacity: number
  readonly #held = new Map<string, number>()

  /** `limit`: what one sender may hold while it is alone, at least 1; `guaranteed`: what each may hold always. */
  constructor(limit: number, guaranteed = 0) {
    this.limit = limit
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
    const held = this.held(sender)
    if (held + amount <= this.guaranteed) return true
    const free = this.#capacity - this.total - (amount - 1)
    if (held + amount - 1 < ALPHA * free) return true
    this.refusals++
    return false
  }

  /** Takes `amount` for a sender, whether there is room or not. */
  take(sender: string, amount = 1): void {
    this.total += amount
    this.#held.set(sender, this.held(sender) + amount)
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
    this.#held.clear()
  }
}
