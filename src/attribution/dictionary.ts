import { type FairShare, sharedPool } from '../runtime/fair-share.ts'
import { NO_SENDER } from '../runtime/sender-slots.ts'

/** A definition for the store: what a session id stands for. */
export interface Definition<T> {
  readonly id: number
  readonly value: T
}

/**
 * Session ids for values: dense integers from `firstId`, so that the hot path works on integers and
 * the store maps them to the file's ids. Bounded by sweeping: ids that nothing refers to any more
 * are released, and used again once the batch that released them is in the file. Each is held by the
 * sender that brought it, in a pool that senders share (`hasRoom`); who interns asks for room first.
 *
 *   interned ─▶ defined in a batch ─▶ … ─▶ released in a batch ─▶ (acknowledged) free
 */
export class Dictionary<T> {
  readonly #ids = new Map<string, number>()
  readonly #values: (T | undefined)[] = []
  readonly #keys: (string | undefined)[] = []
  readonly #owners: string[] = []
  readonly #firstId: number
  #undefinedYet: number[] = []
  #released: number[] = []
  #free: number[] = []
  /** The id that the sweep under way comes to next. */
  #cursor: number
  /** Values that have an id, by the sender that brought them. */
  readonly #held: FairShare
  /** Values that got an id today: each is a row of the file, also when its id is released. */
  readonly #today: FairShare

  /** `limit`: values that a lone sender may hold at one time, and bring in a day. */
  constructor(firstId = 0, limit = Number.POSITIVE_INFINITY) {
    this.#firstId = firstId
    this.#cursor = firstId
    this.#held = sharedPool(limit)
    this.#today = sharedPool(limit)
    for (let id = 0; id < firstId; id++) {
      this.#values.push(undefined)
      this.#keys.push(undefined)
      this.#owners.push(NO_SENDER)
    }
  }

  /** Values that have an id. */
  get size(): number {
    return this.#ids.size
  }

  /** Whether a sender may bring a new value; a refusal is counted. */
  hasRoom(sender: string): boolean {
    return this.#held.hasRoom(sender) && this.#today.hasRoom(sender)
  }

  get refusals(): number {
    return this.#held.refusals + this.#today.refusals
  }

  /** Part of the limit that is in use. */
  get fill(): number {
    return this.#held.total / this.#held.limit
  }

  /** A new day begins: senders may bring as much as yesterday. */
  newDay(): void {
    this.#today.clear()
  }

  /** Ids in use are below this. */
  get idsMade(): number {
    return this.#values.length
  }

  find(key: string): number | undefined {
    return this.#ids.get(key)
  }

  intern(key: string, value: T, sender = NO_SENDER): number {
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#free.pop() ?? this.#values.length
    this.#ids.set(key, id)
    this.#values[id] = value
    this.#keys[id] = key
    this.#owners[id] = sender
    this.#held.take(sender)
    if (sender !== NO_SENDER) this.#today.take(sender)
    this.#undefinedYet.push(id)
    return id
  }

  value(id: number): T {
    const value = this.#values[id]
    if (value === undefined) throw new RangeError(`no value has id ${id}`)
    return value
  }

  /** What the store has not been told yet; it counts as told from now on. */
  takeDefinitions(): Definition<T>[] {
    const definitions = this.#undefinedYet.map((id) => ({ id, value: this.value(id) }))
    this.#undefinedYet = []
    return definitions
  }

  /**
   * Releases ids that `isUsed` does not know, at most `most`: call it at a cut, after
   * `takeDefinitions()`, and hand what it returns to the store with that batch. Where it stops at
   * `most`, the next call goes on.
   */
  sweep(isUsed: (id: number) => boolean, most = Number.POSITIVE_INFINITY): number[] {
    const released: number[] = []
    let id = this.#cursor
    for (; id < this.#values.length && released.length < most; id++) {
      const key = this.#keys[id]
      if (key === undefined || isUsed(id)) continue
      this.#ids.delete(key)
      this.#held.release(this.#owners[id] as string)
      this.#values[id] = undefined
      this.#keys[id] = undefined
      this.#owners[id] = NO_SENDER
      released.push(id)
    }
    this.#cursor = id < this.#values.length ? id : this.#firstId
    this.#released = released
    return released
  }

  /** The batch with the released ids is in the file: they are free for new values. */
  committed(): void {
    for (const id of this.#released) this.#free.push(id)
    this.#released = []
  }
}
