import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ServiceError } from '../runtime/service-error.ts'
import { threadUrl } from '../runtime/thread-url.ts'
import { within } from '../runtime/within.ts'
import { DiskRoom, residentBytes } from './process-limits.ts'
import type { QueryAnswer, QueryQuestion, QueryRequest } from './query-request.ts'
import { temporaryFolder } from './temporary-files.ts'

/** Memory of a process, beyond which its query is given up: 110 MB are usual, most of them Node's. */
const MAX_RESIDENT_BYTES = 192 * 2 ** 20
/** How often a running query's memory and disk are looked at, ms. */
const WATCH_MS = 200
/** A query whose client is gone gets so long to end by itself: a new process costs more, ms. */
const CANCEL_MS = 500
/** A process that was not asked anything for so long is ended: it has 65 MB, ms. */
const IDLE_MS = 30_000
/** A killed process is waited for no longer: in an uninterruptible read it ends when that does, ms. */
const END_MS = 1000
/** What the process gets of our environment: no configuration, no secrets. */
const INHERITED = /^(?:PATH|LD_LIBRARY_PATH|TZ|LANG|TMPDIR|MALLOC_.*)$/
const EXEC_ARGV = [
  '--max-semi-space-size=1',
  '--max-old-space-size=64',
  '--disable-warning=ExperimentalWarning',
]

export interface AskOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A process that answers questions to the file, one at a time. It can be ended in the middle of a
 * statement, which neither a thread nor this SQLite can (no progress handler): its locks, its memory
 * and its temporary files are gone with it. It is started when it is needed.
 */
export class QueryProcess {
  readonly #path: string
  readonly #maxResidentBytes: number
  readonly #dying = new Set<ChildProcess>()
  #child: ChildProcess | undefined
  #idle: NodeJS.Timeout | undefined
  #stopping = false
  /** Where its temporary files go, once that is known. */
  #folder: string | undefined
  #disk: DiskRoom | undefined

  constructor(path: string, maxResidentBytes = MAX_RESIDENT_BYTES) {
    this.#path = path
    this.#maxResidentBytes = maxResidentBytes
  }

  /** The process id of the child, if there is one. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** JSON. Rejects with a ServiceError: `query_…`, or what the query says is wrong. */
  async ask(request: QueryRequest, options: AskOptions): Promise<Buffer> {
    clearTimeout(this.#idle)
    this.#child ??= this.#start()
    try {
      return await this.#answer(this.#child, request, options)
    } finally {
      this.#idle = setTimeout(() => this.#kill(), IDLE_MS)
      this.#idle.unref()
    }
  }

  /** Ends the process, whatever it does. Resolves when it has ended, or after a second. */
  async end(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#idle)
    this.#kill()
    const ended = [...this.#dying].map(
      (child) => new Promise<void>((resolve) => void child.once('exit', () => resolve())),
    )
    await within(END_MS, Promise.all(ended))
  }

  #start(): ChildProcess {
    if (this.#dying.size > 1) throw unavailable('processes of earlier queries have not ended yet')
    this.#folder ??= temporaryFolder(this.#path)
    if (this.#folder !== undefined) this.#disk ??= new DiskRoom(this.#folder)
    const environment = Object.entries(process.env).filter(([name]) => INHERITED.test(name))
    try {
      const child = fork(
        fileURLToPath(threadUrl('reader-process', import.meta.url)),
        [this.#path],
        {
          serialization: 'advanced',
          stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
          execArgv: EXEC_ARGV,
          env: {
            ...Object.fromEntries(environment),
            MALLOC_ARENA_MAX: '1',
            ...(this.#folder === undefined ? {} : { SQLITE_TMPDIR: this.#folder }),
          },
        },
      )
      // It keeps nobody from exiting; without a process (EMFILE, EAGAIN) there is no channel.
      child.unref()
      child.channel?.unref()
      child.on('error', () => undefined)
      return child
    } catch (error) {
      throw unavailable((error as Error).message, error)
    }
  }

  #answer(
    child: ChildProcess,
    request: QueryRequest,
    { timeoutMs, signal }: AskOptions,
  ): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const disk = this.#disk
    const sortOnDisk = disk?.hasRoom === true
    const giveUp = (code: string, message: string, cause?: unknown): void => {
      reject(new ServiceError(code, message, { cause }))
      if (this.#child === child) this.#kill()
    }
    const answered = (answer: QueryAnswer): void => {
      if ('json' in answer) resolve(Buffer.from(answer.json))
      else reject(new ServiceError(answer.failure.code, answer.failure.message))
    }
    const ended = (): void =>
      this.#stopping
        ? giveUp('query_stopped', 'the server stops')
        : giveUp('query_failed', 'the process of the query has ended')
    const failed = (error: Error): void => {
      if (child.pid === undefined) reject(unavailable(error.message, error))
      giveUp('query_failed', `the process of the query fails: ${error.message}`, error)
    }
    const timer = setTimeout(
      () => giveUp('query_timeout', `no answer within ${timeoutMs / 1000} s`),
      timeoutMs,
    )
    let leaving: NodeJS.Timeout | undefined
    const abort = (): void => {
      leaving = setTimeout(
        () => giveUp('query_cancelled', 'nobody waits for the answer'),
        CANCEL_MS,
      )
    }
    const watch = setInterval(() => {
      const resident = child.pid === undefined ? undefined : residentBytes(child.pid)
      if (resident !== undefined && resident > this.#maxResidentBytes) {
        giveUp('query_too_large', 'the answer takes too much memory; ask for fewer rows')
      }
      if (sortOnDisk && !disk.hasRoom) {
        giveUp('query_too_large', `too little room is left beside ${this.#path} to sort the answer`)
      }
      void disk?.refresh()
    }, WATCH_MS)
    child.on('message', answered).on('exit', ended).on('error', failed)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort)
    if (child.connected) {
      const question: QueryQuestion = { request, sortOnDisk }
      child.send(question, (error) => {
        if (error !== null) failed(error)
      })
    }
    return promise.finally(() => {
      clearTimeout(timer)
      clearTimeout(leaving)
      clearInterval(watch)
      signal?.removeEventListener('abort', abort)
      child.off('message', answered).off('exit', ended).off('error', failed)
    })
  }

  #kill(): void {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (child.pid === undefined) return
    this.#dying.add(child)
    child.once('exit', () => this.#dying.delete(child))
    child.kill('SIGKILL')
  }
}

function unavailable(why: string, cause?: unknown): ServiceError {
  return new ServiceError('query_unavailable', `no process for the query: ${why}`, { cause })
}
