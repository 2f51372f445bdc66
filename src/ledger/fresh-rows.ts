import type { DirtyRows } from './dirty-rows.ts'

/** Closed rows that the file has not got yet, by the slot of their sender: a commit makes room of them. */
export class FreshRows {
  readonly #dirty: DirtyRows
  /** Since the last cut, and in the batch before it. */
  #gathering = new Counts()
  #inFlight = new Counts()
  /** The last cut that was looked at. */
  #cuts = 0

  constructor(dirty: DirtyRows) {
    this.#dirty = dirty
  }

  get count(): number {
    this.#turn()
    return this.#gathering.total + this.#inFlight.total
  }

  of(slot: number): number {
    this.#turn()
    return this.#gathering.of(slot) + this.#inFlight.of(slot)
  }

  add(slot: number): void {
    this.#turn()
    this.#gathering.add(slot)
  }

  /** What was gathered is in flight from a cut on, and gone with its commit. */
  #turn(): void {
    const { cuts, commits } = this.#dirty
    if (cuts !== this.#cuts) {
      const before = this.#inFlight
      before.clear()
      this.#inFlight = this.#gathering
      this.#gathering = before
      // One cut is in flight at most: with two, what was gathered is of the first.
      if (cuts - this.#cuts > 1) this.#inFlight.clear()
      this.#cuts = cuts
    }
    if (commits === cuts) this.#inFlight.clear()
  }
}

class Counts {
  total = 0
  /** Slots are small numbers, given out from 0 on. */
  #bySlot = new Uint32Array(64)

  of(slot: number): number {
    return this.#bySlot[slot] ?? 0
  }

  add(slot: number): void {
    if (slot >= this.#bySlot.length) {
      const bigger = new Uint32Array(2 * slot)
      bigger.set(this.#bySlot)
      this.#bySlot = bigger
    }
    this.#bySlot[slot] = (this.#bySlot[slot] as number) + 1
    this.total++
  }

  clear(): void {
    if (this.total === 0) return
    this.#bySlot.fill(0)
    this.total = 0
  }
}
