import { BYTES, Byte, CHUNK_MASK, RowFlag } from './connection-chunk.ts'
import type { ConnectionTable } from './connection-table.ts'

/**
 * Rows that changed since the last cut, each once, in the order in which they first changed; and the
 * rows of the batch whose outcome is not known yet.
 */
export class DirtyRows {
  count = 0
  /** Batches that were cut, and those of them that went into the file. */
  cuts = 0
  commits = 0
  #rows = new Int32Array(1024)
  #inFlight: Int32Array = new Int32Array(0)
  readonly #table: ConnectionTable

  constructor(table: ConnectionTable) {
    this.#table = table
  }

  mark(row: number): void {
    const bytes = this.#table.chunk(row).bytes
    const at = (row & CHUNK_MASK) * BYTES + Byte.flags
    if (((bytes[at] as number) & RowFlag.dirty) !== 0) return
    bytes[at] = (bytes[at] as number) | RowFlag.dirty
    if (this.count === this.#rows.length) {
      const bigger = new Int32Array(this.#rows.length * 2)
      bigger.set(this.#rows)
      this.#rows = bigger
    }
    this.#rows[this.count++] = row
  }

  /** The changed rows; from now on they are in flight until `committed()`. */
  cut(): Int32Array {
    const rows = this.#rows.slice(0, this.count)
    for (const row of rows) {
      const bytes = this.#table.chunk(row).bytes
      const at = (row & CHUNK_MASK) * BYTES + Byte.flags
      bytes[at] = ((bytes[at] as number) & ~RowFlag.dirty) | RowFlag.inFlight
    }
    this.count = 0
    this.cuts++
    this.#inFlight = rows
    return rows
  }

  /** The file has the rows of the last cut. */
  committed(): void {
    this.commits++
    for (const row of this.#inFlight) {
      const bytes = this.#table.chunk(row).bytes
      const at = (row & CHUNK_MASK) * BYTES + Byte.flags
      bytes[at] = (bytes[at] as number) & ~RowFlag.inFlight
    }
    this.#inFlight = new Int32Array(0)
  }
}
