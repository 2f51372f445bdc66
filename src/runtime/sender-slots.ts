/** Numbers that fit in 16 bits, but for 0. */
const MAX_SENDERS = 65_535
/** The slot of what has no known sender, and of senders beyond the number of slots: one pot for all. */
export const NO_SLOT = 0
/** The key of that slot. */
export const NO_SENDER = ''

/**
 * Small numbers for sender keys, so that a row can keep whose it is in two bytes. A number stands for a
 * sender as long as something holds it, and for another one afterwards.
 */
export class SenderSlots {
  readonly #keys: string[] = [NO_SENDER]
  readonly #slots = new Map<string, number>([[NO_SENDER, NO_SLOT]])
  readonly #holds: number[] = [0]
  readonly #free: number[] = []
  readonly #maxSenders: number

  constructor(maxSenders = MAX_SENDERS) {
    this.#maxSenders = maxSenders
  }

  /** The key that a sender is known by here: its own, or none if there is no slot for it. */
  keyFor(sender: string): string {
    if (this.#slots.has(sender) || this.#slots.size <= this.#maxSenders) return sender
    return NO_SENDER
  }

  keyOf(slot: number): string {
    return this.#keys[slot] as string
  }

  /** Slot of a key that something holds; undefined if nothing does. */
  find(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** Holds the slot of a key (one that `keyFor` gave). */
  hold(key: string): number {
    const slot = this.#slots.get(key) ?? this.#add(key)
    this.#holds[slot] = (this.#holds[slot] as number) + 1
    return slot
  }

  /** Lets go of a slot once. */
  release(slot: number): void {
    const left = (this.#holds[slot] as number) - 1
    this.#holds[slot] = left
    if (left > 0 || slot === NO_SLOT) return
    this.#slots.delete(this.#keys[slot] as string)
    this.#free.push(slot)
  }

  #add(key: string): number {
    const slot = this.#free.pop() ?? this.#keys.length
    this.#keys[slot] = key
    this.#holds[slot] = 0
    this.#slots.set(key, slot)
    return slot
  }
}
