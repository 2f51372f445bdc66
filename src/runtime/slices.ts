import { setImmediate as turn } from 'node:timers/promises'

/** Work goes on for so long before what else waits gets its turn, ms. */
const SLICE_MS = 3
/** Items between two looks at the time. */
const ITEMS = 8

/**
 * Does something with every item, a few milliseconds at a time: the thread that reads from Envoy is
 * never held up for longer. What is behind the items may change meanwhile. `work` returns false to end.
 */
export async function forEachInSlices<Item>(
  items: Iterable<Item>,
  work: (item: Item) => boolean | void,
): Promise<void> {
  let endMs = performance.now() + SLICE_MS
  let count = 0
  for (const item of items) {
    if (work(item) === false) return
    count++
    if (count % ITEMS !== 0 || performance.now() < endMs) continue
    await turn()
    endMs = performance.now() + SLICE_MS
  }
}
