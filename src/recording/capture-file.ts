import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { FILE_MODE } from '../runtime/private-file.ts'
import { RECORD_HEADER_BYTES, writeHeader } from './capture-format.ts'

/** Records gather here, so that a busy receiver makes one system call for hundreds of messages. */
const BUFFER_BYTES = 1024 * 1024

/**
 * A capture that is being written. Appends go to the page cache, never waiting for the disk itself:
 * a recording explains numbers, it does not make them.
 */
export class CaptureFile {
  readonly path: string
  /** Size with what is still in the buffer. */
  bytes = 0
  /** Records that are in the buffer only; after a failure, those that it lost. */
  buffered = 0
  readonly #fd: number
  readonly #buffer: Buffer
  #bufferedBytes = 0
  /** End of the last record that is whole in the file. */
  #written = 0
  #closed = false

  /** Makes the file; throws what the system says, `EEXIST` if it is there. */
  constructor(path: string, buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES)) {
    this.path = path
    this.#fd = openSync(path, 'wx', FILE_MODE)
    this.#buffer = buffer
  }

  /** Appends a record whose message is the parts, one after the other. Throws what the system says. */
  append(stream: number, arrivalMs: number, parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const size = RECORD_HEADER_BYTES + length
    if (this.#bufferedBytes + size > this.#buffer.length) this.flush()
    writeHeader(this.#buffer, this.#bufferedBytes, { stream, arrivalMs, length })
    if (size > this.#buffer.length) this.#appendLarge(parts)
    else {
      let at = this.#bufferedBytes + RECORD_HEADER_BYTES
      for (const part of parts) {
        this.#buffer.set(part, at)
        at += part.length
      }
      this.#bufferedBytes = at
      this.buffered++
    }
    this.bytes += size
  }

  /** Hands what is buffered to the system. On a failure the file ends with its last whole record. */
  flush(): void {
    const whole = this.#buffer.subarray(0, this.#bufferedBytes)
    this.#bufferedBytes = 0
    this.#whole(() => this.#write(whole))
    this.buffered = 0
  }

  /** Flushes and closes. */
  close(): void {
    try {
      this.flush()
    } finally {
      this.abandon()
    }
  }

  /** Closes without what is buffered. Safe twice: the number of a closed file may be another's. */
  abandon(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#fd)
  }

  /** A message that does not fit the buffer, whose header stands at its beginning. */
  #appendLarge(parts: readonly Uint8Array[]): void {
    this.#whole(() => {
      this.#write(this.#buffer.subarray(0, RECORD_HEADER_BYTES))
      for (const part of parts) this.#write(part)
    })
  }

  #whole(write: () => void): void {
    const before = this.#written
    try {
      write()
    } catch (error) {
      this.#written = before
      try {
        ftruncateSync(this.#fd, before)
      } catch {
        // Then a reader finds the last record truncated, and stops there.
      }
      throw error
    }
  }

  #write(bytes: Uint8Array): void {
    let at = 0
    // A full disk takes a part and says so at the next call only.
    while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at)
    this.#written += bytes.length
  }
}
