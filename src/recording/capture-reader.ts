import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ServiceError } from '../runtime/service-error.ts'
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './capture-format.ts'

export interface CaptureRecord {
  /** Stream number, unique among the captures that are read together. */
  readonly stream: number
  /** Arrival, whole unix ms. */
  readonly arrivalMs: number
  readonly message: Uint8Array
}

/** Before 1970 or after 9999: bytes that are no capture look like that. */
const MAX_SECONDS = 253_402_300_799

/**
 * Records of one capture, one in memory at a time. A tail that its writer did not finish (a crash)
 * ends it. Throws `bad_capture` if the bytes are none, `no_capture` if the file cannot be read.
 */
export function* readCapture(path: string): Generator<CaptureRecord> {
  const file = open(path)
  try {
    const size = fstatSync(file).size
    const header = Buffer.alloc(HEADER_BYTES)
    let position = 0
    while (position + HEADER_BYTES <= size) {
      readFully(file, header, position, path)
      const stream = header.readUInt32LE(0)
      const seconds = header.readDoubleLE(4)
      const length = header.readUInt32LE(12)
      if (stream === 0 || !(seconds >= 0 && seconds <= MAX_SECONDS) || length > MAX_MESSAGE_BYTES) {
        throw new ServiceError(
          'bad_capture',
          `${path} is no capture (.alscap), at byte ${position}`,
        )
      }
      position += HEADER_BYTES
      if (position + length > size) return
      const message = Buffer.allocUnsafe(length)
      readFully(file, message, position, path)
      position += length
      yield { stream, arrivalMs: Math.round(seconds * 1000), message }
    }
  } finally {
    closeSync(file)
  }
}

interface Source {
  readonly records: Generator<CaptureRecord>
  readonly streams: Map<number, number>
  next: CaptureRecord
}

/**
 * Records of several captures in the order of their arrival; at equal times in the order of the paths.
 * Streams of different files are different streams.
 */
export function* mergeCaptures(paths: readonly string[]): Generator<CaptureRecord> {
  const sources: Source[] = []
  let streamsMade = 0
  try {
    for (const path of paths) {
      const records = readCapture(path)
      const first = records.next()
      if (first.done !== true) sources.push({ records, streams: new Map(), next: first.value })
    }
    while (sources.length > 0) {
      const source = earliest(sources)
      const { stream, arrivalMs, message } = source.next
      let number = source.streams.get(stream)
      if (number === undefined) {
        number = ++streamsMade
        source.streams.set(stream, number)
      }
      yield { stream: number, arrivalMs, message }
      const next = source.records.next()
      if (next.done === true) sources.splice(sources.indexOf(source), 1)
      else source.next = next.value
    }
  } finally {
    for (const { records } of sources) records.return(undefined)
  }
}

function earliest(sources: readonly Source[]): Source {
  return sources.reduce((best, source) =>
    source.next.arrivalMs < best.next.arrivalMs ? source : best,
  )
}

function open(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('no_capture', `${path} cannot be read: ${reason}`, { cause: error })
  }
}

function readFully(file: number, buffer: Buffer, position: number, path: string): void {
  let done = 0
  while (done < buffer.length) {
    const read = readSync(file, buffer, done, buffer.length - done, position + done)
    if (read === 0)
      throw new ServiceError('bad_capture', `${path} became shorter while it was read`)
    done += read
  }
}
