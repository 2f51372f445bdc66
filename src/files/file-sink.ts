import { dirname, join, resolve } from 'node:path'
import type { Delivery, Sink } from '../model/sink.ts'
import type { SinkGuard, Stamp } from '../model/stamp.ts'
import type { CloudEvent } from '../model/usage-event.ts'
import { FileLock } from '../runtime/file-lock.ts'
import { makeFolder } from '../runtime/private-file.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { structuredEvent } from '../runtime/structured-event.ts'
import { AGAIN, EventFile, PART, syncFolder } from './event-file.ts'
import { countFinished, finishLeftovers } from './leftovers.ts'
import { readFolderStamp, writeFolderStamp } from './stamp-file.ts'

export interface FileSinkConfig {
  /** It has one writer at a time (a lock says so), and any number of those that send events again. */
  readonly directory: string
  /** A file is finished rather than made longer than this; one event is always taken. */
  readonly maxFileBytes: number
  /** A file is finished at this age, ms; at most 2^31-1, as a timer has it. */
  readonly maxAgeMs: number
  /** With so many finished files in the folder nothing more is taken. */
  readonly maxFiles: number
}

export interface FileSinkDependencies {
  /** Wall clock, unix ms: file names. */
  readonly wallMs?: () => number
  /** True for one that sends events again beside the folder's writer: it finishes its own files only. */
  readonly again?: boolean
  /** Begins the names of its files. */
  readonly prefix?: string
  /** Keeps an older copy of the file from sending; without it the folder keeps no stamp. */
  readonly guard?: SinkGuard | undefined
}

const BATCH_EVENTS = 500

/**
 * Usage events as lines of JSON (CloudEvents, structured mode) in files that are finished by size or
 * age: a name without `.part` is a file that will never change again. An event is acknowledged when its
 * line is on the disk. Finished files are for others to collect and delete; a folder that is full of
 * them takes no more events, which then wait in the outbox: nothing is dropped.
 */
export class FileSink implements Sink {
  readonly batchEvents = BATCH_EVENTS
  readonly #config: FileSinkConfig
  readonly #wallMs: () => number
  readonly #again: boolean
  readonly #prefix: string
  readonly #guard: SinkGuard | undefined
  #prepared = false
  #lock: FileLock | undefined
  #file: EventFile | undefined
  #ageTimer: NodeJS.Timeout | undefined
  /** One thing at a time with the file: publishes, and the timer that finishes it. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    config: FileSinkConfig,
    { wallMs = Date.now, again, prefix = 'usage', guard }: FileSinkDependencies = {},
  ) {
    this.#config = config
    this.#wallMs = wallMs
    this.#again = again ?? false
    this.#prefix = prefix
    this.#guard = guard
  }

  publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]> {
    return this.#inTurn(() => this.#publish(events.map((event) => `${structuredEvent(event)}\n`)))
  }

  /** Asks whether the file knows what the folder has got; rejects if it does not. */
  async admit(): Promise<void> {
    await this.#stamp()
  }

  async stop(): Promise<void> {
    await this.#inTurn(() => this.#finish()).catch(() => undefined)
    this.#unlock()
  }

  async #publish(lines: readonly string[]): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = []
    try {
      this.#guard?.stamp()
      await this.#prepare()
      const stamp = lines.length > 0 ? await this.#stamp() : undefined
      // Before the lines, or a copy of the file from between them would not be noticed.
      if (stamp !== undefined && !this.#again) await writeFolderStamp(this.#config.directory, stamp)
      while (deliveries.length < lines.length) {
        const file = await this.#fileFor(lines[deliveries.length] as string)
        const next = fitting(lines, deliveries.length, this.#config.maxFileBytes - file.bytes)
        await file.append(next.join(''))
        deliveries.push(...next.map((): Delivery => ({ kind: 'acknowledged' })))
      }
    } catch (error) {
      await this.#giveUpFile()
      const retry: Delivery = { kind: 'retry', message: (error as Error).message }
      while (deliveries.length < lines.length) deliveries.push(retry)
    }
    return deliveries
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return
    const directory = resolve(this.#config.directory)
    const first = makeFolder(directory)
    // Every folder that was made lasts once the one that it is in is synced.
    if (first !== undefined) {
      for (let made = directory; made !== dirname(first); made = dirname(made)) {
        await syncFolder(dirname(made))
      }
    }
    if (!this.#again) {
      this.#unlock()
      this.#lock = new FileLock(join(directory, '.writer'), (cause) => inUse(directory, cause))
      await finishLeftovers(directory)
    }
    this.#prepared = true
  }

  /** Before the first line it is asked whether the file knows what the folder has got. */
  async #stamp(): Promise<Stamp | undefined> {
    const guard = this.#guard
    if (guard === undefined) return undefined
    if (guard.stamp() === undefined) {
      const found = await readFolderStamp(this.#config.directory, guard)
      await guard.admit(found === undefined ? [] : [found])
    }
    return guard.stamp()
  }

  #unlock(): void {
    this.#lock?.release()
    this.#lock = undefined
  }

  /** The file that takes the next line. */
  async #fileFor(line: string): Promise<EventFile> {
    const { directory, maxFileBytes, maxAgeMs, maxFiles } = this.#config
    const full = (file: EventFile): boolean =>
      file.bytes > 0 && file.bytes + Buffer.byteLength(line) > maxFileBytes
    if (this.#file !== undefined && full(this.#file)) await this.#finish()
    if (this.#file !== undefined) return this.#file
    if ((await countFinished(directory, this.#prefix)) >= maxFiles) {
      throw new ServiceError(
        'too_many_files',
        `${directory} holds ${maxFiles} finished files (files.max_files): collect and delete the oldest, or raise it`,
      )
    }
    this.#file = await EventFile.create(
      directory,
      this.#wallMs(),
      this.#again ? AGAIN : PART,
      this.#prefix,
    )
    this.#ageTimer = setTimeout(() => {
      this.#inTurn(() => this.#finish()).catch(() => undefined)
    }, maxAgeMs)
    return this.#file
  }

  async #finish(): Promise<void> {
    const file = this.#forgetFile()
    try {
      await file?.finish()
    } catch (error) {
      // The next publish finishes it as a leftover.
      this.#prepared = false
      throw error
    }
  }

  /** After trouble nothing is known of the file but its whole lines: a new one is begun next. */
  async #giveUpFile(): Promise<void> {
    const file = this.#forgetFile()
    // The folder may be gone, or be another one by now.
    this.#prepared = false
    await file?.abandon()
  }

  #forgetFile(): EventFile | undefined {
    clearTimeout(this.#ageTimer)
    const file = this.#file
    this.#file = undefined
    return file
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn
    return turn
  }
}

function inUse(directory: string, cause: unknown): ServiceError {
  const message = `${directory} has another writer; stop it, or give each its own files.directory`
  return new ServiceError('files_locked', message, { cause })
}

/** The lines from `from` on that fit into so many bytes; one at least. */
function fitting(lines: readonly string[], from: number, bytes: number): readonly string[] {
  let to = from
  for (let left = bytes; to < lines.length; to++) {
    left -= Buffer.byteLength(lines[to] as string)
    if (left < 0 && to > from) break
  }
  return lines.slice(from, to)
}
