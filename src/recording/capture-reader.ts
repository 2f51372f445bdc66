import { ServiceError } from '../runtime/service-error.ts'
import { ByteSource } from './byte-source.ts'
import { RECORD_HEADER_BYTES, type RecordHeader, readHeader } from './capture-format.ts'

/** A received message. `message` is valid until the next record of the same iterator is asked for. */
export interface CaptureRecord {
  readonly stream: number
  /** Unix ms, whole. */
  readonly arrivalMs: number
  readonly message: Uint8Array
}

/** How a capture ended. */
export interface CaptureEnd {
  /** Its last record is not whole: the writer was killed. What came before was read. */
  readonly truncated: boolean
}

/** How several captures ended. */
export interface MergeEnd {
  /** Those whose last record is not whole. */
  readonly truncated: readonly string[]
}

/**
 * Reads a capture, record by record, in memory for the largest record. Throws `no_capture` if it
 * cannot be opened or read, and `bad_capture` with the offset where it holds nonsense.
 */
export function* readCapture(path: string): Generator<CaptureRecord, CaptureEnd> {
  const source = new ByteSource(path)
  try {
    for (;;) {
      if (!source.have(RECORD_HEADER_BYTES)) return { truncated: source.available > 0 }
      const header = headerAt(source, path)
      // Blocks that the system had allotted but not written when the power failed.
      if (header === 'zeros') return { truncated: true }
      if (!source.have(RECORD_HEADER_BYTES + header.length)) return { truncated: true }
      source.take(RECORD_HEADER_BYTES)
      const message = source.take(header.length)
      yield { stream: header.stream, arrivalMs: header.arrivalMs, message }
    }
  } finally {
    source.close()
  }
}

/** Arrival of the first record, unix ms; undefined for a capture without one. */
export function firstArrival(path: string): number | undefined {
  const records = readCapture(path)
  const first = records.next()
  records.return({ truncated: false })
  return first.done === true ? undefined : first.value.arrivalMs
}

/**
 * Reads several captures as one, by arrival; records of one moment in the order of the paths. Streams of
 * different captures are different streams: they get numbers 1, 2, … of their own. A capture is open
 * only while its time is being read, so that many small ones take no more memory than a few. Throws
 * like `readCapture`, and before the first record if a capture cannot be opened or begins with nonsense.
 */
export function* mergeCaptures(paths: readonly string[]): Generator<CaptureRecord, MergeEnd> {
  const waiting = byBeginning(paths)
  const open: OpenCapture[] = []
  const truncated: string[] = []
  const numbers = new StreamNumbers()
  try {
    for (;;) {
      const next = earliest(open)
      const waits = waiting[0]
      if (waits !== undefined && (next === undefined || waits.firstMs <= next.record.arrivalMs)) {
        waiting.shift()
        open.push(new OpenCapture(waits.path, waits.index))
        continue
      }
      if (next === undefined) return { truncated }
      if (next.end !== undefined) {
        if (next.end.truncated) truncated.push(next.path)
        open.splice(open.indexOf(next), 1)
        numbers.forget(next.index)
        continue
      }
      const { stream, arrivalMs, message } = next.record
      yield { stream: numbers.of(next.index, stream), arrivalMs, message }
      next.advance()
    }
  } finally {
    for (const capture of open) capture.close()
  }
}

function headerAt(source: ByteSource, path: string): RecordHeader | 'zeros' {
  const bytes = source.peek(RECORD_HEADER_BYTES)
  const header = readHeader(bytes, 0)
  if (header !== undefined) return header
  if (bytes.every((byte) => byte === 0)) return 'zeros'
  throw new ServiceError('bad_capture', `${path} is no capture: nonsense at byte ${source.offset}`)
}

interface WaitingCapture {
  readonly path: string
  /** Its place among the paths. */
  readonly index: number
  readonly firstMs: number
}

function byBeginning(paths: readonly string[]): WaitingCapture[] {
  return paths
    .map((path, index) => ({ path, index, firstMs: firstArrival(path) ?? BEFORE_ALL }))
    .sort((left, right) => left.firstMs - right.firstMs || left.index - right.index)
}

/** An ended capture sorts first: it is put away before the next record is given. */
const BEFORE_ALL = Number.NEGATIVE_INFINITY

function earliest(open: readonly OpenCapture[]): OpenCapture | undefined {
  let best: OpenCapture | undefined
  for (const capture of open) {
    const { arrivalMs } = capture.record
    if (
      best === undefined ||
      arrivalMs < best.record.arrivalMs ||
      (arrivalMs === best.record.arrivalMs && capture.index < best.index)
    ) {
      best = capture
    }
  }
  return best
}

/** A capture that is being read, with its next record. */
class OpenCapture {
  readonly path: string
  readonly index: number
  record: CaptureRecord = { stream: 0, arrivalMs: BEFORE_ALL, message: new Uint8Array(0) }
  end: CaptureEnd | undefined
  readonly #records: Generator<CaptureRecord, CaptureEnd>

  constructor(path: string, index: number) {
    this.path = path
    this.index = index
    this.#records = readCapture(path)
    this.advance()
  }

  /** To the next record; after the last one `end` is set. */
  advance(): void {
    const next = this.#records.next()
    if (next.done === true) {
      this.end = next.value
      this.record = { ...this.record, arrivalMs: BEFORE_ALL }
    } else this.record = next.value
  }

  close(): void {
    this.#records.return({ truncated: false })
  }
}

/** Numbers of streams over all captures. */
class StreamNumbers {
  #made = 0
  readonly #ofCapture = new Map<number, Map<number, number>>()

  of(capture: number, stream: number): number {
    const known = this.#ofCapture.get(capture) ?? new Map<number, number>()
    this.#ofCapture.set(capture, known)
    const number = known.get(stream) ?? ++this.#made
    known.set(stream, number)
    return number
  }

  forget(capture: number): void {
    this.#ofCapture.delete(capture)
  }
}
