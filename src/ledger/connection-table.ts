import {
  BYTES,
  Byte,
  CHUNK_BITS,
  CHUNK_BYTES,
  CHUNK_MASK,
  ConnectionChunk,
  RowState,
  WORDS,
  Word,
} from './connection-chunk.ts'

const NOT_FOUND = -1

/**
 * Bounded table of connection rows under a 128-bit identity: open addressing with linear probing
 * over row numbers, so that the index costs 4 bytes a slot and rows never move.
 *
 * The index is sized once for `maxRows` at a load of at most 2/3: no rehash ever stalls the thread
 * that reads from Envoy. Its pages are only touched when used.
 */
export class ConnectionTable {
  readonly maxRows: number
  /** Rows in use. */
  size = 0
  readonly #chunks: ConnectionChunk[] = []
  readonly #index: Int32Array
  readonly #mask: number
  /** Mixed into the hash: senders choose ids, and must not be able to choose collisions. */
  readonly #seed: number
  #freeHead = NOT_FOUND
  #rowsMade = 0

  constructor(maxRows: number, seed = Math.floor(Math.random() * 2 ** 32)) {
    this.maxRows = maxRows
    let slots = 16
    while (slots * 2 < maxRows * 3) slots *= 2
    this.#index = new Int32Array(slots)
    this.#mask = slots - 1
    this.#seed = seed | 0
  }

  /** The chunk that holds `row`; its offset there is `row & CHUNK_MASK`. */
  chunk(row: number): ConnectionChunk {
    return this.#chunks[row >>> CHUNK_BITS] as ConnectionChunk
  }

  /** Row numbers ever handed out are below this; those in state `free` are holes. */
  get rowsMade(): number {
    return this.#rowsMade
  }

  /** Bytes of memory of the chunks in use and of the index. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES + this.#index.byteLength
  }

  /** Row of an identity, or -1. */
  find(k0: number, k1: number, k2: number, k3: number): number {
    const index = this.#index
    let slot = this.#hash(k0, k1, k2, k3)
    for (;;) {
      const row = (index[slot] as number) - 1
      if (row === NOT_FOUND) return NOT_FOUND
      const { words } = this.#chunks[row >>> CHUNK_BITS] as ConnectionChunk
      const at = (row & CHUNK_MASK) * WORDS + Word.identity
      if (
        words[at] === k0 &&
        words[at + 1] === k1 &&
        words[at + 2] === k2 &&
        words[at + 3] === k3
      ) {
        return row
      }
      slot = (slot + 1) & this.#mask
    }
  }

  /**
   * A row for a new identity (it must not be in the table), or -1 when the table is full. Every
   * field but the identity holds what its last user left: the caller sets them all.
   */
  insert(k0: number, k1: number, k2: number, k3: number): number {
    if (this.size >= this.maxRows) return NOT_FOUND
    const row = this.#takeRow()
    this.#setIdentity(row, k0, k1, k2, k3)
    this.size++
    return row
  }

  /** Gives a row another identity, which must not be in the table; its number and its fields stay. */
  rekey(row: number, k0: number, k1: number, k2: number, k3: number): void {
    this.#unindex(row)
    this.#setIdentity(row, k0, k1, k2, k3)
  }

  /** Frees a row; its number will be used again. */
  remove(row: number): void {
    this.#unindex(row)
    const chunk = this.chunk(row)
    const at = row & CHUNK_MASK
    chunk.bytes[at * BYTES + Byte.state] = RowState.free
    chunk.words[at * WORDS + Word.next] = this.#freeHead
    this.#freeHead = row
    this.size--
  }

  #setIdentity(row: number, k0: number, k1: number, k2: number, k3: number): void {
    const { words } = this.chunk(row)
    const at = (row & CHUNK_MASK) * WORDS + Word.identity
    words[at] = k0
    words[at + 1] = k1
    words[at + 2] = k2
    words[at + 3] = k3
    let slot = this.#hash(k0, k1, k2, k3)
    while (this.#index[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#index[slot] = row + 1
  }

  #takeRow(): number {
    const row = this.#freeHead
    if (row !== NOT_FOUND) {
      const { words } = this.chunk(row)
      this.#freeHead = words[(row & CHUNK_MASK) * WORDS + Word.next] as number
      return row
    }
    if (this.#rowsMade >>> CHUNK_BITS === this.#chunks.length) {
      this.#chunks.push(new ConnectionChunk())
    }
    return this.#rowsMade++
  }

  /** Backward-shift deletion: no tombstones in the index, so probes stay short for ever. */
  #unindex(row: number): void {
    const index = this.#index
    let hole = this.#slotOf(row)
    let slot = hole
    for (;;) {
      slot = (slot + 1) & this.#mask
      const other = (index[slot] as number) - 1
      if (other === NOT_FOUND) break
      const home = this.#homeOf(other)
      // `other` may move into the hole only if the hole lies between its home and its slot.
      if (((slot - home) & this.#mask) >= ((slot - hole) & this.#mask)) {
        index[hole] = other + 1
        hole = slot
      }
    }
    index[hole] = 0
  }

  #slotOf(row: number): number {
    let slot = this.#homeOf(row)
    while ((this.#index[slot] as number) - 1 !== row) slot = (slot + 1) & this.#mask
    return slot
  }

  #homeOf(row: number): number {
    const { words } = this.chunk(row)
    const at = (row & CHUNK_MASK) * WORDS + Word.identity
    return this.#hash(
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
    )
  }

  #hash(k0: number, k1: number, k2: number, k3: number): number {
    let hash = Math.imul(k0 ^ this.#seed, 0x9e3779b1)
    hash = Math.imul((hash ^ (hash >>> 15)) + k1, 0x85ebca77)
    hash = Math.imul((hash ^ (hash >>> 13)) + k2, 0xc2b2ae3d)
    hash = Math.imul((hash ^ (hash >>> 16)) + k3, 0x27d4eb2f)
    return (hash ^ (hash >>> 15)) & this.#mask
  }
}
