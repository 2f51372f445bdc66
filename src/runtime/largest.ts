/**
 * The items with the largest keys of any number of items, in memory for `limit` of them. Of equal keys the
 * smaller text counts as the larger one, so that the same items give the same order.
 */
export class Largest<Item> {
  readonly #limit: number
  readonly #keyOf: (item: Item) => number
  readonly #textOf: (item: Item) => string
  /** A heap: no item's key is smaller than that of the one at half its place, which has the smallest at 0. */
  readonly #heap: Item[] = []

  constructor(limit: number, keyOf: (item: Item) => number, textOf: (item: Item) => string) {
    this.#limit = limit
    this.#keyOf = keyOf
    this.#textOf = textOf
  }

  add(item: Item): void {
    if (this.#heap.length < this.#limit) {
      this.#heap.push(item)
      this.#rise()
    } else if (this.#isLess(this.#heap[0] as Item, item)) {
      this.#heap[0] = item
      this.#sink()
    }
  }

  /** Takes them out, the smallest first. */
  *drain(): Generator<Item> {
    for (;;) {
      const [smallest] = this.#heap
      const last = this.#heap.pop()
      if (smallest === undefined || last === undefined) return
      if (this.#heap.length > 0) {
        this.#heap[0] = last
        this.#sink()
      }
      yield smallest
    }
  }

  #isLess(a: Item, b: Item): boolean {
    const [keyOfA, keyOfB] = [this.#keyOf(a), this.#keyOf(b)]
    return keyOfA === keyOfB ? this.#textOf(a) > this.#textOf(b) : keyOfA < keyOfB
  }

  #isLessAt(a: number, b: number): boolean {
    return this.#isLess(this.#heap[a] as Item, this.#heap[b] as Item)
  }

  #rise(): void {
    let place = this.#heap.length - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!this.#isLessAt(place, above)) return
      this.#swap(place, above)
      place = above
    }
  }

  #sink(): void {
    let place = 0
    for (;;) {
      let least = place
      for (const below of [2 * place + 1, 2 * place + 2]) {
        if (below < this.#heap.length && this.#isLessAt(below, least)) least = below
      }
      if (least === place) return
      this.#swap(place, least)
      place = least
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a] as Item
    this.#heap[a] = this.#heap[b] as Item
    this.#heap[b] = item
  }
}
