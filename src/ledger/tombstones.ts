import { BYTES, Byte, CHUNK_MASK, RowFlag, WORDS, Word } from './connection-chunk.ts'
import type { ConnectionTable } from './connection-table.ts'
import type { DirtyRows } from './dirty-rows.ts'

const NONE = -1

/** Rows looked at for one that the file has; those that it has not go to the end of the queue. */
const MOST_TRIES = 4096

/**
 * Closed rows, about in the order in which they were closed. Only a row that the file has (committed,
 * not changed since) may leave memory.
 */
export class Tombstones {
  count = 0
  readonly #table: ConnectionTable
  readonly #dirty: DirtyRows
  /** Rows found not committed since the commit of that number: none is looked at twice between commits. */
  #tried = 0
  #triedAt = 0
  #head = NONE
  #tail = NONE

  constructor(table: ConnectionTable, dirty: DirtyRows) {
    this.#table = table
    this.#dirty = dirty
  }

  push(row: number): void {
    this.#setNext(row, NONE)
    if (this.#tail === NONE) this.#head = row
    else this.#setNext(this.#tail, row)
    this.#tail = row
    this.count++
  }

  /** The oldest tombstone that the file has, now at the head; -1 if none of the oldest is there. */
  oldestCommitted(): number {
    if (this.#triedAt !== this.#dirty.commits) {
      this.#triedAt = this.#dirty.commits
      this.#tried = 0
    }
    for (let tries = Math.min(MOST_TRIES, this.count - this.#tried); tries > 0; tries--) {
      const row = this.#head
      const flags = this.#table.chunk(row).bytes[(row & CHUNK_MASK) * BYTES + Byte.flags] as number
      if ((flags & (RowFlag.dirty | RowFlag.inFlight)) === 0) return row
      // A late copy has changed it: it waits for the next commit, and must not hold back the others.
      this.shift()
      this.push(row)
      this.#tried++
    }
    return NONE
  }

  /** Takes the oldest one out of the queue; the row itself is the caller's to remove. */
  shift(): void {
    const row = this.#head
    this.#head = this.#table.chunk(row).words[(row & CHUNK_MASK) * WORDS + Word.next] as number
    if (this.#head === NONE) this.#tail = NONE
    this.count--
  }

  #setNext(row: number, next: number): void {
    this.#table.chunk(row).words[(row & CHUNK_MASK) * WORDS + Word.next] = next
  }
}
