import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RECORD_HEADER_BYTES, writeHeader } from '../../src/recording/capture-format.ts'
import { readCapture } from '../../src/recording/capture-reader.ts'

/** A record as a test writes it: stream, arrival (unix ms), message. */
export type PlainRecord = readonly [stream: number, arrivalMs: number, message: string]

/** Bytes of records whose messages are latin1 texts. */
export function captureBytes(records: readonly PlainRecord[]): Buffer {
  return Buffer.concat(
    records.map(([stream, arrivalMs, message]) => {
      const bytes = Buffer.alloc(RECORD_HEADER_BYTES + message.length)
      writeHeader(bytes, 0, { stream, arrivalMs, length: message.length })
      bytes.write(message, RECORD_HEADER_BYTES, 'latin1')
      return bytes
    }),
  )
}

export function writeCapture(path: string, records: readonly PlainRecord[]): string {
  writeFileSync(path, captureBytes(records))
  return path
}

export function recordsOf(path: string): PlainRecord[] {
  return Array.from(readCapture(path), ({ stream, arrivalMs, message }) => [
    stream,
    arrivalMs,
    Buffer.from(message).toString('latin1'),
  ])
}

/** Captures of a folder, in the order of their names. */
export function capturesIn(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
}
