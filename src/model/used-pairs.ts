import type { Destination } from './destination.ts'
import type { Workload } from './source.ts'

/** A workload and a name that it has used. */
export interface UsedPair {
  readonly workload: Workload
  readonly destination: Destination
}

/** Pairs by the file's ids. An attacker can make millions a day: they come in pages, and each name once. */
export interface PairPage {
  /** Workload and destination of each pair, in turns, in the order of the file's key. */
  readonly ids: Float64Array
  /** What ids stand for, if no earlier page said so. */
  readonly workloads: ReadonlyMap<number, Workload>
  readonly destinations: ReadonlyMap<number, Destination>
}

/** Reads pages, all of one walk and in their order. */
export class PairReader {
  readonly #workloads = new Map<number, Workload>()
  readonly #destinations = new Map<number, Destination>()

  /** The same workload or name is the same object in all pages. */
  read({ ids, workloads, destinations }: PairPage): UsedPair[] {
    for (const [id, workload] of workloads) this.#workloads.set(id, workload)
    for (const [id, destination] of destinations) this.#destinations.set(id, destination)
    const pairs: UsedPair[] = []
    for (let at = 0; at < ids.length; at += 2) {
      pairs.push({
        workload: this.#workloads.get(ids[at] as number) as Workload,
        destination: this.#destinations.get(ids[at + 1] as number) as Destination,
      })
    }
    return pairs
  }
}
