import { CHUNK_MASK, RowFlag } from './connection-chunk.ts'
import type { ConnectionTable } from './connection-table.ts'

const NONE = -1

/**
 * Closed rows in the order in which they were closed. Only a row that the file has (committed, not
 * changed since) may leave memory; the head waits for its commit and holds back those behind it,
 * which closed later.
 */
export class Tombstones {
  count = 0
  readonly #table: ConnectionTable
  #head = NONE
  #tail = NONE

  constructor(table: ConnectionTable) {
    this.#table = table
  }

  push(row: number): void {
    this.#table.chunk(row).next[row & CHUNK_MASK] = NONE
    if (this.#tail === NONE) this.#head = row
    else this.#table.chunk(this.#tail).next[this.#tail & CHUNK_MASK] = row
    this.#tail = row
    this.count++
  }

  /** The oldest tombstone if the file has it, else -1. */
  oldestCommitted(): number {
    const row = this.#head
    if (row === NONE) return NONE
    const flags = this.#table.chunk(row).flags[row & CHUNK_MASK] as number
    return (flags & (RowFlag.dirty | RowFlag.inFlight)) === 0 ? row : NONE
  }

  /** Takes the oldest one out of the queue; the row itself is the caller's to remove. */
  shift(): void {
    const row = this.#head
    this.#head = this.#table.chunk(row).next[row & CHUNK_MASK] as number
    if (this.#head === NONE) this.#tail = NONE
    this.count--
  }
}
