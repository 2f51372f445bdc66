import type { UsedIds, UsedIdsWalk } from './attribution/id-sweep.ts'
import { BYTES, Byte, CHUNK_MASK, podOf, RowState, WORDS, Word } from './ledger/connection-chunk.ts'
import type { ConnectionTable } from './ledger/connection-table.ts'
import type { SampleOrigin } from './ledger/ports.ts'

/** Rows looked at in one part: a few ms. */
const ROWS_PER_PART = 100_000

interface Origins {
  /** Whom open streams come from. */
  streams(): Iterable<SampleOrigin>
  /** Whom waiting samples came from: the stream of one may have ended. */
  waiting(): Iterable<SampleOrigin>
}

/**
 * The session ids that streams, waiting samples and connection rows refer to. At a cut usage and
 * coverage have just been taken out, so nothing else refers to any.
 */
export class LedgerIdsWalk implements UsedIdsWalk {
  readonly #table: ConnectionTable
  readonly #origins: Origins
  #row = 0

  constructor(table: ConnectionTable, origins: Origins) {
    this.#table = table
    this.#origins = origins
  }

  begin(used: UsedIds): void {
    this.#row = 0
    for (const origins of [this.#origins.streams(), this.#origins.waiting()]) {
      for (const { node, workload, pod } of origins) {
        used.nodes.add(node)
        used.workloads.add(workload)
        used.pods.add(pod)
      }
    }
  }

  next(used: UsedIds): boolean {
    const end = Math.min(this.#row + ROWS_PER_PART, this.#table.rowsMade)
    for (let row = this.#row; row < end; row++) {
      const c = this.#table.chunk(row)
      const o = row & CHUNK_MASK
      if (c.bytes[o * BYTES + Byte.state] === RowState.free) continue
      used.nodes.add(c.words[o * WORDS + Word.node] as number)
      used.workloads.add(c.words[o * WORDS + Word.workload] as number)
      used.pods.add(podOf(c, o))
      // A waiting row has no destination yet.
      const destination = c.words[o * WORDS + Word.destination] as number
      if (destination >= 0) used.destinations.add(destination)
      used.clusters.add(c.words[o * WORDS + Word.cluster] as number)
    }
    this.#row = end
    return end === this.#table.rowsMade
  }
}
