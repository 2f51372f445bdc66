import { randomInt } from 'node:crypto'

const MAX_TEXTS = 65_536
const MAX_BYTES = 16 * 1024 * 1024
/** No valid name is longer; what is cut fails the name check all the same. */
const MAX_TEXT_BYTES = 512

/**
 * Bytes to small ids: equal bytes have one id within an epoch, and nothing is made of bytes that are
 * known. A hash finds a candidate, then every byte is compared, so a collision never mixes names.
 *
 * Names come from clients. Beyond its caps the table is emptied as a whole, between messages
 * (`resetIfFull`), which makes a new epoch: ids of different epochs must not be compared.
 */
export class TextInterner {
  /** Grows with every reset. */
  epoch = 0
  // A byte order mark stays in the text: without it two names would read as one.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  /** Random: clients choose the names, and must not be able to choose the slots. */
  readonly #seed = randomInt(0x7fffffff)
  #index = new Int32Array(1024)
  #hashes = new Int32Array(1024)
  #starts = new Int32Array(1024)
  #lengths = new Int32Array(1024)
  #bytes = new Uint8Array(64 * 1024)
  #texts: string[] = ['']
  #used = 0

  /** Texts known in this epoch. */
  get size(): number {
    return this.#texts.length - 1
  }

  /** Id of `bytes[start … end)`; 0 for no bytes. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const length = Math.min(end - start, MAX_TEXT_BYTES)
    if (length === 0) return 0
    let hash = this.#seed ^ length
    for (let i = start; i < start + length; i++)
      hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
    hash ^= hash >>> 15
    const mask = this.#index.length - 1
    let slot = hash & mask
    for (;;) {
      const id = this.#index[slot] as number
      if (id === 0) return this.#add(bytes, start, length, hash, slot)
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, length)) return id
      slot = (slot + 1) & mask
    }
  }

  /** The text of an id of this epoch; bytes that are no UTF-8 became U+FFFD. */
  text(id: number): string {
    return this.#texts[id] as string
  }

  /** Empties a table that is over a cap. To be called between messages only. */
  resetIfFull(): boolean {
    if (this.size < MAX_TEXTS && this.#used < MAX_BYTES) return false
    this.epoch++
    this.#index = new Int32Array(1024)
    this.#hashes = new Int32Array(1024)
    this.#starts = new Int32Array(1024)
    this.#lengths = new Int32Array(1024)
    this.#bytes = new Uint8Array(64 * 1024)
    this.#texts = ['']
    this.#used = 0
    return true
  }

  #equals(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[id] !== length) return false
    const at = this.#starts[id] as number
    const mine = this.#bytes
    for (let i = 0; i < length; i++) if (mine[at + i] !== bytes[start + i]) return false
    return true
  }

  #add(bytes: Uint8Array, start: number, length: number, hash: number, slot: number): number {
    const id = this.#texts.length
    if (id === this.#hashes.length) {
      this.#hashes = doubled(this.#hashes)
      this.#starts = doubled(this.#starts)
      this.#lengths = doubled(this.#lengths)
    }
    while (this.#used + length > this.#bytes.length) {
      const bigger = new Uint8Array(this.#bytes.length * 2)
      bigger.set(this.#bytes)
      this.#bytes = bigger
    }
    const copy = bytes.subarray(start, start + length)
    this.#bytes.set(copy, this.#used)
    this.#hashes[id] = hash
    this.#starts[id] = this.#used
    this.#lengths[id] = length
    this.#used += length
    this.#texts.push(this.#decoder.decode(copy))
    this.#index[slot] = id
    if (this.#texts.length * 2 > this.#index.length) this.#rehash()
    return id
  }

  #rehash(): void {
    this.#index = new Int32Array(this.#index.length * 2)
    const mask = this.#index.length - 1
    for (let id = 1; id < this.#texts.length; id++) {
      let slot = (this.#hashes[id] as number) & mask
      while (this.#index[slot] !== 0) slot = (slot + 1) & mask
      this.#index[slot] = id
    }
  }
}

function doubled(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(column.length * 2)
  bigger.set(column)
  return bigger
}
