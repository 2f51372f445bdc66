import type { Duplex } from 'node:stream'

/**
 * What clients and the server of the demo say to each other inside TLS: any number of exchanges,
 * each a header and the client's bytes one way, the server's bytes the other way at the same time.
 *
 *   | upload u32 | download u32 | flags u32 | upload bytes … |     all big-endian
 */
export interface Exchange {
  /** Bytes that the client sends after the header, 0 … 2^32-1. */
  readonly upload: number
  /** Bytes that the server sends, 0 … 2^32-1. */
  readonly download: number
  /** What the server does when it has sent them; by default it waits for the next exchange. */
  readonly after?: 'end' | 'reset'
}

const HEADER_BYTES = 12

const END = 1
const RESET = 2

export function encodeHeader({ upload, download, after }: Exchange): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(upload, 0)
  header.writeUInt32BE(download, 4)
  header.writeUInt32BE(after === 'end' ? END : after === 'reset' ? RESET : 0, 8)
  return header
}

function decodeHeader(header: Buffer): Exchange {
  const flags = header.readUInt32BE(8)
  const bytes = { upload: header.readUInt32BE(0), download: header.readUInt32BE(4) }
  if (flags === END) return { ...bytes, after: 'end' }
  return flags === RESET ? { ...bytes, after: 'reset' } : bytes
}

const CHUNK = Buffer.alloc(16_384, 'snimeter ')

/** `count` bytes in pieces that fit a TLS record. */
export function* payload(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= CHUNK.length) {
    yield left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
  }
}

/** Writes the pieces, one at a time, no faster than the stream takes them; rejects if it breaks. */
export async function writeAll(stream: Duplex, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) => {
      stream.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }
}

/** Finds the headers in what a client sends, however it is cut into pieces. */
export class ExchangeReader {
  #header = Buffer.alloc(0)
  #uploadLeft = 0

  /** The exchanges whose header is complete with these bytes. */
  read(bytes: Buffer): Exchange[] {
    const found: Exchange[] = []
    let at = 0
    while (at < bytes.length) {
      if (this.#uploadLeft > 0) {
        const skipped = Math.min(this.#uploadLeft, bytes.length - at)
        this.#uploadLeft -= skipped
        at += skipped
        continue
      }
      const taken = bytes.subarray(at, at + HEADER_BYTES - this.#header.length)
      this.#header = Buffer.concat([this.#header, taken])
      at += taken.length
      if (this.#header.length < HEADER_BYTES) break
      const exchange = decodeHeader(this.#header)
      this.#header = Buffer.alloc(0)
      this.#uploadLeft = exchange.upload
      found.push(exchange)
    }
    return found
  }
}
