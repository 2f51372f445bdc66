import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/registry.ts'
import { SampledLogger } from '../telemetry/sampled-logger.ts'
import { HEADER_BYTES, writeHeader } from './capture-format.ts'

export interface CaptureWriterConfig {
  readonly directory: string
  /** A file is ended before it would grow beyond this; one message can make a larger one. */
  readonly maxFileBytes: number
  /** The oldest captures go when there are more. */
  readonly maxFiles: number
}

export interface CaptureWriterDependencies {
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Bytes that wait for a write at most: a record is small, a write call is not. */
const BUFFER_BYTES = 1024 * 1024
/** After trouble with the disk nothing is recorded for this long, ms of arrivals. */
const PAUSE_MS = 10_000

/**
 * Writes what was received as captures, each replayable by itself: it begins with an identifier-only
 * record of every living stream. Identifiers are recorded allow-listed. Recording never harms the
 * count: when the disk fails, records are dropped, counted and said.
 */
export class CaptureWriter {
  records = 0
  dropped = 0
  readonly #config: CaptureWriterConfig
  readonly #logger: SampledLogger
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  /** Identifier-only message of each living stream that has said who it is. */
  readonly #identifiers = new Map<number, Uint8Array>()
  #used = 0
  #file: number | undefined
  #fileBytes = 0
  #files = 0
  #pausedUntilMs = Number.NEGATIVE_INFINITY

  constructor(config: CaptureWriterConfig, { logger, metrics }: CaptureWriterDependencies) {
    this.#config = config
    this.#logger = new SampledLogger(logger, { monotonicMs: () => performance.now() })
    metrics.counter({
      name: 'snimeter_recording_messages_total',
      help: 'Messages that were recorded.',
      read: () => this.records,
    })
    metrics.counter({
      name: 'snimeter_recording_dropped_messages_total',
      help: 'Messages that could not be recorded; they were counted all the same.',
      read: () => this.dropped,
    })
  }

  /** A stream has said who it is: `recorded` is a message with its allow-listed identifier alone. */
  identifier(stream: number, recorded: Uint8Array): void {
    this.#identifiers.set(stream, recorded)
  }

  /**
   * Records one message. Where it holds an identifier (`identifierRange`, the bytes of the
   * sub-message), the allow-listed one is written in its place.
   */
  write(
    stream: number,
    arrivalMs: number,
    message: Uint8Array,
    identifierRange?: { readonly start: number; readonly end: number },
  ): void {
    if (arrivalMs < this.#pausedUntilMs) {
      this.dropped++
      return
    }
    try {
      const parts = this.#partsOf(stream, message, identifierRange)
      const length = parts.reduce((sum, part) => sum + part.length, HEADER_BYTES)
      if (this.#file === undefined || this.#fileBytes + length > this.#config.maxFileBytes) {
        this.#startFile(arrivalMs)
      }
      this.#append(stream, arrivalMs, parts)
      this.records++
    } catch (error) {
      this.dropped++
      this.#fail(error, arrivalMs)
    }
  }

  /** The stream has ended: files that begin later do not name it any more. */
  end(stream: number): void {
    this.#identifiers.delete(stream)
  }

  /** Writes out what waits and ends the file. Safe twice. */
  stop(): Promise<void> {
    try {
      this.#endFile()
    } catch (error) {
      this.#logger.error({ err: error }, 'the last records could not be written')
    }
    return Promise.resolve()
  }

  /** A protobuf message is the concatenation of its fields: the identifier's are exchanged. */
  #partsOf(
    stream: number,
    message: Uint8Array,
    range: { readonly start: number; readonly end: number } | undefined,
  ): readonly Uint8Array[] {
    if (range === undefined) return [message]
    const known = this.#identifiers.get(stream) ?? new Uint8Array(0)
    // The field's tag (1 byte) and length (a varint) stand right before its bytes.
    const prefix = 1 + varintLength(range.end - range.start)
    return [known, message.subarray(0, range.start - prefix), message.subarray(range.end)]
  }

  #startFile(arrivalMs: number): void {
    this.#endFile()
    const { directory } = this.#config
    mkdirSync(directory, { recursive: true })
    const time = new Date(arrivalMs).toISOString().replaceAll(/[-:]/g, '').replace('.', '')
    const name = `snimeter-${time}-${String(++this.#files).padStart(6, '0')}.alscap`
    this.#file = openSync(join(directory, name), 'wx')
    this.#fileBytes = 0
    this.#removeOld(directory)
    for (const [stream, recorded] of this.#identifiers) this.#append(stream, arrivalMs, [recorded])
  }

  #endFile(): void {
    if (this.#file === undefined) return
    const file = this.#file
    try {
      this.#flush()
    } finally {
      this.#file = undefined
      this.#used = 0
      closeSync(file)
    }
  }

  #removeOld(directory: string): void {
    const names = readdirSync(directory).filter((name) => /^snimeter-.*\.alscap$/.test(name))
    for (const name of names.sort().slice(0, -this.#config.maxFiles)) rmSync(join(directory, name))
  }

  #append(stream: number, arrivalMs: number, parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    if (this.#used + HEADER_BYTES > BUFFER_BYTES) this.#flush()
    writeHeader(this.#buffer, this.#used, stream, arrivalMs, length)
    this.#used += HEADER_BYTES
    for (const part of parts) this.#copy(part)
    this.#fileBytes += HEADER_BYTES + length
  }

  #copy(part: Uint8Array): void {
    if (this.#used + part.length > BUFFER_BYTES) this.#flush()
    if (part.length > BUFFER_BYTES) {
      this.#writeOut(part)
      return
    }
    this.#buffer.set(part, this.#used)
    this.#used += part.length
  }

  #flush(): void {
    const used = this.#used
    this.#used = 0
    this.#writeOut(this.#buffer.subarray(0, used))
  }

  #writeOut(bytes: Uint8Array): void {
    if (this.#file === undefined) return
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file, bytes, done, bytes.length - done)
    }
  }

  /** A file with a hole would be read wrongly: it ends here, and recording pauses. */
  #fail(error: unknown, arrivalMs: number): void {
    this.#logger.error({ err: error }, 'recording failed; it is tried again in ten seconds')
    this.#pausedUntilMs = arrivalMs + PAUSE_MS
    this.#used = 0
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) closeSync(file)
  }
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}
