import { accessSync, constants, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GOES_ON } from '../model/message-mark.ts'
import type { Component } from '../runtime/component.ts'
import { makeFolder } from '../runtime/private-file.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/registry.ts'
import { SampledLogger } from '../telemetry/sampled-logger.ts'
import { CaptureFile } from './capture-file.ts'
import { declareRecordingMetrics, RecordingCounters } from './metrics.ts'
import { recordableOf } from './recordable.ts'

export interface CaptureWriterConfig {
  readonly directory: string
  /** A file that would grow beyond this is closed and the next one begun. */
  readonly maxFileBytes: number
  /** The oldest captures of the folder are deleted beyond this many. */
  readonly maxFiles: number
}

export interface CaptureWriterDependencies {
  readonly logger: Logger
  readonly metrics: Metrics
  /** For the sampling of log lines. */
  readonly monotonicMs?: () => number
}

/** What a crash loses of a recording at most, ms. */
const FLUSH_EVERY_MS = 1000
/** After the disk failed a new file is tried this much later (by arrivals), ms. */
const RETRY_AFTER_MS = 10_000

/** An identifier that cannot be read: the replay must not know its source either. */
const UNREADABLE_IDENTIFIER = Uint8Array.of(0x0a, 0x01, 0xff)
/** Stands for the rest of a message that is no protobuf. */
const MALFORMED_REST = Uint8Array.of(0x0a)

const OUR_FILES = /^snimeter-.*\.alscap$/

/**
 * Records what was received, so that a number can be explained later by a replay. What is kept of a
 * message: its log entries, the allow-listed identifier, and whether it goes on; nothing else. Every file can be
 * replayed by itself: it begins with the identifier of every living stream.
 *
 * When the disk fails, messages are not recorded, counted and logged; nothing else is affected.
 */
export class CaptureWriter implements Component {
  readonly #config: CaptureWriterConfig
  readonly #logger: SampledLogger
  readonly #counters = new RecordingCounters()
  /** Recorded identifiers of living streams. */
  readonly #identifiers = new Map<number, Uint8Array>()
  /** The stream whose identifier was just given: its next message brought it. */
  #announced: number | undefined
  #file: CaptureFile | undefined
  /** Size from which the current file is full. */
  #fullBytes = 0
  #filesMade = 0
  #newestMs = 0
  #retryAtMs = 0
  #flushTimer: NodeJS.Timeout | undefined

  constructor(config: CaptureWriterConfig, deps: CaptureWriterDependencies) {
    this.#config = config
    this.#logger = new SampledLogger(deps.logger, {
      monotonicMs: deps.monotonicMs ?? (() => performance.now()),
    })
    declareRecordingMetrics(deps.metrics, this.#counters)
  }

  /** Makes the folder. Throws `record_directory` if nothing can be written there. */
  async start(): Promise<void> {
    const { directory } = this.#config
    try {
      makeFolder(directory)
      accessSync(directory, constants.W_OK)
    } catch (error) {
      throw new ServiceError(
        'record_directory',
        `cannot record to ${directory}: ${(error as Error).message}; give record.directory a folder that can be written`,
        { cause: error },
      )
    }
  }

  /** A stream has said who it is; `recorded` is a message with its allow-listed identifier only. */
  identifier(stream: number, recorded: Uint8Array): void {
    this.#identifiers.set(stream, recorded)
    this.#announced = stream
  }

  /**
   * Records a message. `identifierRange` is given where the message holds an identifier: it is replaced
   * by what `identifier` was called with just before, if it was. Never throws.
   */
  write(
    stream: number,
    arrivalMs: number,
    message: Uint8Array,
    identifierRange?: { readonly start: number; readonly end: number },
  ): void {
    const parts: Uint8Array[] = []
    if (identifierRange !== undefined) parts.push(this.#identifierOf(stream))
    this.#announced = undefined
    const { ranges, malformed, goesOn } = recordableOf(message)
    for (const [start, end] of ranges) parts.push(message.subarray(start, end))
    if (goesOn) parts.push(GOES_ON)
    if (malformed) parts.push(MALFORMED_REST)
    this.#newestMs = arrivalMs
    this.#counters.messages++
    if (this.#file === undefined && arrivalMs < this.#retryAtMs) {
      this.#counters.dropped++
      return
    }
    try {
      this.#fileFor(identifierRange === undefined ? undefined : stream).append(
        stream,
        arrivalMs,
        parts,
      )
    } catch (error) {
      this.#counters.dropped++
      this.#failed(error)
    }
  }

  /** A stream is gone: later files do not speak of it. */
  end(stream: number): void {
    this.#identifiers.delete(stream)
  }

  /** Closes the file with all that was recorded. */
  async stop(): Promise<void> {
    clearInterval(this.#flushTimer)
    this.#flushTimer = undefined
    try {
      this.#file?.close()
      this.#file = undefined
    } catch (error) {
      this.#failed(error)
    }
  }

  #identifierOf(stream: number): Uint8Array {
    if (this.#announced !== stream) this.#identifiers.set(stream, UNREADABLE_IDENTIFIER)
    return this.#identifiers.get(stream) ?? UNREADABLE_IDENTIFIER
  }

  /** The file that the next record belongs in. `brings` is a stream that says itself who it is. */
  #fileFor(brings: number | undefined): CaptureFile {
    if (this.#file !== undefined && this.#file.bytes >= this.#fullBytes) {
      this.#file.close()
      this.#file = undefined
    }
    this.#file ??= this.#nextFile(brings)
    return this.#file
  }

  /** A new file, with the identifiers of living streams. */
  #nextFile(except: number | undefined): CaptureFile {
    const { directory, maxFileBytes } = this.#config
    makeFolder(directory)
    const file = this.#makeFile()
    try {
      for (const [stream, recorded] of this.#identifiers) {
        if (stream !== except) file.append(stream, this.#newestMs, [recorded])
      }
      file.flush()
      // With very many streams the identifiers alone could fill a file: it holds as much again.
      this.#fullBytes = Math.max(maxFileBytes, 2 * file.bytes)
      this.#deleteOldest()
    } catch (error) {
      file.abandon()
      rmSync(file.path, { force: true })
      throw error
    }
    this.#flushTimer ??= setInterval(() => this.#flush(), FLUSH_EVERY_MS).unref()
    return file
  }

  /** Names sort in the order of time: `snimeter-20261124T180000.000Z-000001.alscap`. */
  #makeFile(): CaptureFile {
    const utc = new Date(this.#newestMs).toISOString().replaceAll(/[-:]/g, '')
    for (;;) {
      const number = String(++this.#filesMade).padStart(6, '0')
      try {
        return new CaptureFile(join(this.#config.directory, `snimeter-${utc}-${number}.alscap`))
      } catch (error) {
        // Another process with the same clock has made it: the next number is free.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  #deleteOldest(): void {
    const { directory, maxFiles } = this.#config
    const files = readdirSync(directory).filter((name) => OUR_FILES.test(name))
    files.sort()
    for (const name of files.slice(0, Math.max(0, files.length - maxFiles))) {
      rmSync(join(directory, name), { force: true })
    }
  }

  #flush(): void {
    try {
      this.#file?.flush()
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Gives the file up; the next one is tried later, and begins with the identifiers again. */
  #failed(error: unknown): void {
    this.#retryAtMs = this.#newestMs + RETRY_AFTER_MS
    this.#counters.failures++
    this.#counters.dropped += this.#file?.buffered ?? 0
    try {
      this.#file?.abandon()
    } catch {
      // Closing says nothing new.
    }
    this.#file = undefined
    this.#logger.error(
      { err: error, directory: this.#config.directory },
      'cannot record; messages are counted all the same',
    )
  }
}
