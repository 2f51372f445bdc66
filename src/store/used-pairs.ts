import type Database from 'better-sqlite3'
import type { Destination } from '../model/destination.ts'
import type { Workload } from '../model/source.ts'
import type { PairPage } from '../model/used-pairs.ts'
import type { Names } from './names.ts'

/** The file's ids of a pair. */
export interface PairIds {
  readonly workload: number
  readonly destination: number
}

/** Before the first pair. */
export const NO_PAIR: PairIds = { workload: -1, destination: -1 }

/** Reads which pairs were used in a time, a page at a time. */
export class UsedPairs {
  readonly #names: Names
  readonly #page
  /** Ids that the pages of this walk have explained. */
  readonly #workloads = new Set<number>()
  readonly #destinations = new Set<number>()

  constructor(database: Database.Database, names: Names) {
    this.#names = names
    this.#page = database
      .prepare(`
        SELECT workload_id, destination_id FROM pair_total
        WHERE (workload_id, destination_id) > (?, ?) AND last_ms >= ? AND first_ms < ?
        ORDER BY workload_id, destination_id LIMIT ?`)
      .raw()
  }

  /**
   * Pairs whose first and last moments reach into `[fromMs, toMs)`: those after `after`, at most `most` (-1:
   * all). A walk begins after `NO_PAIR`, and has ended with a page that is not full.
   */
  page(fromMs: number, toMs: number, after: PairIds, most: number): PairPage {
    if (after.workload < 0) {
      this.#workloads.clear()
      this.#destinations.clear()
    }
    const rows = this.#page.all(after.workload, after.destination, fromMs, toMs, most) as [
      workload: number,
      destination: number,
    ][]
    const ids = new Float64Array(rows.length * 2)
    const workloads = new Map<number, Workload>()
    const destinations = new Map<number, Destination>()
    rows.forEach(([workload, destination], row) => {
      ids[row * 2] = workload
      ids[row * 2 + 1] = destination
      if (isNew(this.#workloads, workload)) workloads.set(workload, this.#names.workload(workload))
      if (isNew(this.#destinations, destination)) {
        destinations.set(destination, this.#names.destination(destination))
      }
    })
    this.#names.forget()
    return { ids, workloads, destinations }
  }
}

function isNew(known: Set<number>, id: number): boolean {
  if (known.has(id)) return false
  known.add(id)
  return true
}
