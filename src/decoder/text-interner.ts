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
  #words = new DataView(this.#bytes.buffer)
  /** The bytes that were last interned from (one message, usually), and a view of them. */
  #viewed: Uint8Array = this.#bytes
  #view: DataView = this.#words
  /** Ids of texts met lately, by a hash of a few of their bytes. */
  #recent = new Int32Array(4096)
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
    if (bytes !== this.#viewed) this.#look(bytes)
    if (length < 8) return this.#internHashed(bytes, start, length)
    // Most texts came a moment ago: twelve of their bytes find the candidate, all of them decide.
    const view = this.#view
    const sampled =
      Math.imul(view.getInt32(start, true) ^ length, 0x9e3779b1) ^
      Math.imul(view.getInt32(start + (length >> 1) - 2, true), 0x85ebca77) ^
      view.getInt32(start + length - 4, true)
    const place = Math.imul(sampled ^ (sampled >>> 15), 0xc2b2ae3d) >>> 20
    const recent = this.#recent[place] as number
    if (recent !== 0 && this.#equals(recent, bytes, start, length)) return recent
    const id = this.#internHashed(bytes, start, length)
    this.#recent[place] = id
    return id
  }

  #internHashed(bytes: Uint8Array, start: number, length: number): number {
    const hash = this.#hash(bytes, start, length)
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

  /** Whether it is over a cap. */
  get isFull(): boolean {
    return this.size >= MAX_TEXTS || this.#used >= MAX_BYTES
  }

  /** Empties a table that is over a cap. To be called between messages only. */
  resetIfFull(): boolean {
    // The last message is not kept alive by a view of it.
    this.#viewed = this.#bytes
    this.#view = this.#words
    if (!this.isFull) return false
    this.epoch++
    this.#recent.fill(0)
    this.#index = new Int32Array(1024)
    this.#hashes = new Int32Array(1024)
    this.#starts = new Int32Array(1024)
    this.#lengths = new Int32Array(1024)
    this.#bytes = new Uint8Array(64 * 1024)
    this.#words = new DataView(this.#bytes.buffer)
    this.#texts = ['']
    this.#used = 0
    return true
  }

  #look(bytes: Uint8Array): void {
    this.#viewed = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /**
   * Four bytes a step, one multiplication each: with MurmurHash3, whose spread is no better for names,
   * decoding was 12 % slower. The table compares every byte anyway.
   */
  #hash(bytes: Uint8Array, start: number, length: number): number {
    const view = this.#view
    const stop = start + (length & ~3)
    let hash = this.#seed ^ length
    let at = start
    for (; at < stop; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
      hash ^= hash >>> 15
    }
    for (; at < start + length; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  #equals(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[id] !== length) return false
    const mine = this.#starts[id] as number
    const view = this.#view
    const words = this.#words
    const stop = length & ~3
    let i = 0
    for (; i < stop; i += 4) {
      if (words.getInt32(mine + i, true) !== view.getInt32(start + i, true)) return false
    }
    const own = this.#bytes
    for (; i < length; i++) if (own[mine + i] !== bytes[start + i]) return false
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
      this.#words = new DataView(bigger.buffer)
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
