import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ServiceError } from '../runtime/service-error.ts'

const CHUNK_BYTES = 256 * 1024

/** A file as a sequence of bytes, of which a part is in memory. Failures are `no_capture`. */
export class ByteSource {
  /** Offset in the file of the first byte that is not taken yet. */
  offset = 0
  readonly #path: string
  readonly #fd: number
  #buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  #start = 0
  #end = 0

  constructor(path: string) {
    this.#path = path
    this.#fd = this.#translated(() => openSync(path, 'r'))
  }

  /** Bytes in memory. */
  get available(): number {
    return this.#end - this.#start
  }

  /** Reads on until so many bytes are in memory; false if the file ends before. */
  have(count: number): boolean {
    if (this.available >= count) return true
    // A damaged length asks for a gigabyte that is not there.
    if (count > CHUNK_BYTES && this.#size() - this.offset < count) return false
    this.#makeRoom(count)
    while (this.available < count) {
      const read = this.#read()
      if (read === 0) return false
      this.#end += read
    }
    return true
  }

  /** The next bytes, which must be in memory; valid until the next `have`. */
  peek(count: number): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + count)
  }

  /** The same, and moves on. */
  take(count: number): Buffer {
    const bytes = this.peek(count)
    this.#start += count
    this.offset += count
    return bytes
  }

  close(): void {
    closeSync(this.#fd)
  }

  #makeRoom(count: number): void {
    const size = Math.max(CHUNK_BYTES, count)
    const target = size === this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size)
    this.#buffer.copy(target, 0, this.#start, this.#end)
    this.#buffer = target
    this.#end -= this.#start
    this.#start = 0
  }

  #read(): number {
    const room = this.#buffer.length - this.#end
    const position = this.offset + this.available
    return this.#translated(() => readSync(this.#fd, this.#buffer, this.#end, room, position))
  }

  #size(): number {
    return this.#translated(() => fstatSync(this.#fd).size)
  }

  #translated<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw new ServiceError(
        'no_capture',
        `${this.#path} cannot be read: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }
}
