import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { StoreBatch } from '../model/batch.ts'
import type { StoredConnection } from '../model/connection.ts'
import type { StoreOpening } from '../model/opening.ts'
import type { OutboxState, Parked, SinkState } from '../model/outbox.ts'
import type { ReceiverGap } from '../model/receiver-gap.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import { PairReader, type UsedPair } from '../model/used-pairs.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { threadUrl } from '../runtime/thread-url.ts'
import type { EndedState } from './ended-connections.ts'
import type { Answers, CommitOutcome, FromThread, Request, Trouble } from './thread-messages.ts'
import { NO_PAIR } from './used-pairs.ts'
import type { WriterConfig } from './writer.ts'

export type StoreConfig = WriterConfig

export interface StoreEvents {
  /** Commits fail; what arrives meanwhile gathers. Told at first, then every ten seconds. */
  trouble?(trouble: Trouble): void
  recovered?(): void
  /** Nothing can be committed any more: the file is damaged, or the thread has died. Said once. */
  failed?(error: ServiceError): void
}

/**
 * Connection rows that cross between the threads at a time. A message of 500 k rows took 2.3 GB and
 * 24 s (measured).
 */
const PAGE_ROWS = 5000

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * The file, as the main thread knows it: every statement runs on a thread of its own. A batch is
 * committed exactly once, however often that has to be tried.
 */
export class Store {
  readonly #config: StoreConfig
  readonly #events: StoreEvents
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #requests = 0
  #committing: Promise<unknown> | undefined
  #stopping: Promise<void> | undefined
  #sinks: readonly SinkState[] = []
  #ended: EndedState = { rows: 0, leftEarly: 0 }
  /** Why the thread has ended, if it did so by itself. */
  #failure: ServiceError | undefined

  constructor(config: StoreConfig, events: StoreEvents = {}) {
    this.#config = config
    this.#events = events
  }

  /**
   * Makes, migrates or opens the file. Rejects with a ServiceError that names the file and the way
   * out: `store_locked` (another writer), `store_read_only`, `store_corrupt`, `store_foreign`,
   * `store_newer`, `store_full`, `store_busy`, `store_cannot_open`.
   */
  async open(nowMs: number): Promise<StoreOpening> {
    this.#failure = undefined
    this.#worker = new Worker(threadUrl('writer-thread', import.meta.url), {
      workerData: { path: this.#config.path },
      // The flags of the main thread (`--eval` and its like) are not for this one.
      execArgv: [],
    })
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the storage thread has ended')))
    try {
      return await this.#ask({ kind: 'open', config: this.#config, nowMs })
    } catch (error) {
      await this.#end()
      throw error
    }
  }

  /**
   * Resolves when the batch is in the file (or was already). Trouble of the file is retried for ever;
   * rejects with `store_uncommitted` only after `stop` has given up waiting, and with `store_corrupt` where the
   * file is damaged.
   */
  commit(batch: StoreBatch): Promise<CommitOutcome> {
    const committing = this.#ask({ kind: 'commit', batch }).then((outcome) => {
      this.#sinks = outcome.outbox.sinks
      this.#ended = outcome.ended
      return outcome
    })
    this.#committing = committing.catch(() => undefined)
    return committing
  }

  /** Rows of the given keys (16 bytes each), in their order; also while a commit is being retried. */
  async lookup(keys: Uint8Array): Promise<(StoredConnection | undefined)[]> {
    const found: (StoredConnection | undefined)[] = []
    for (let at = 0; at < keys.length; at += PAGE_ROWS * 16) {
      const page = keys.slice(at, at + PAGE_ROWS * 16)
      for (const row of await this.#ask({ kind: 'lookup', keys: page })) found.push(row)
    }
    return found
  }

  /** Open connections of the file, at most `limit`, a page at a time: there can be a million. */
  async *openConnections(limit: number): AsyncGenerator<readonly StoredConnection[]> {
    let afterKey = new Uint8Array(0)
    for (let left = limit; left > 0; left -= PAGE_ROWS) {
      const rows = Math.min(left, PAGE_ROWS)
      const page = await this.#ask({ kind: 'loadOpen', afterKey, limit: rows })
      if (page.length > 0) yield page
      const last = page.at(-1)
      if (last === undefined || page.length < rows) return
      afterKey = Uint8Array.from(last.key)
    }
  }

  /**
   * Pairs that may have been used in `[fromMs, toMs)`: what was named on a day, for the name budgets. A page
   * at a time: senders can make millions a day.
   */
  async *pairsBetween(fromMs: number, toMs: number): AsyncGenerator<readonly UsedPair[]> {
    const reader = new PairReader()
    let after = NO_PAIR
    for (;;) {
      const asked = { kind: 'pairsBetween', fromMs, toMs, after, most: PAGE_ROWS } as const
      const page = await this.#ask(asked)
      const { ids } = page
      if (ids.length > 0) yield reader.read(page)
      if (ids.length < PAGE_ROWS * 2) return
      after = { workload: ids.at(-2) as number, destination: ids.at(-1) as number }
    }
  }

  /** Whether a sink may send, by the newest stamps that its destination has; resolves when that is in the file. */
  async admit(sink: string, found: readonly Stamp[]): Promise<Admission> {
    const { outbox, admission } = await this.#ask({ kind: 'admit', sink, found })
    this.#sinks = outbox.sinks
    return admission
  }

  /** Takes acknowledged events out of a sink's outbox; resolves when that is in the file. */
  acknowledge(sink: string, sequences: readonly number[]): Promise<OutboxState> {
    return this.#settle(this.#ask({ kind: 'acknowledge', sink, sequences }))
  }

  /** Marks of hours are where they should be; resolves when that is in the file. */
  acknowledgeHours(sink: string, sequences: readonly number[]): Promise<OutboxState> {
    return this.#settle(this.#ask({ kind: 'acknowledgeHours', sink, sequences }))
  }

  /** Sets refused events aside; resolves when that is in the file. */
  park(sink: string, events: readonly Parked[]): Promise<OutboxState> {
    return this.#settle(this.#ask({ kind: 'park', sink, events }))
  }

  /** Parked events go back into the outboxes, as room allows. */
  retryParked(): Promise<OutboxState> {
    return this.#settle(this.#ask({ kind: 'retryParked' }))
  }

  /** Keeps what the topic of a sink is like; resolves when that is in the file. */
  async rememberTopic(sink: string, memory: TopicMemory): Promise<void> {
    await this.#ask({ kind: 'rememberTopic', sink, memory })
  }

  /** How far the sinks of the file are, as of the last commit or outcome; none before the first. */
  get sinks(): readonly SinkState[] {
    return this.#sinks
  }

  /** How its closed and orphaned connections stand, as of the last commit. */
  get ended(): EndedState {
    return this.#ended
  }

  async #settle(answer: Promise<OutboxState>): Promise<OutboxState> {
    const state = await answer
    this.#sinks = state.sinks
    return state
  }

  /**
   * Resolves when compaction and retention have nothing left to do. Without it they go on beside the
   * commits, whenever the thread has time.
   */
  async tidy(): Promise<void> {
    await this.#ask({ kind: 'tidy' })
  }

  /**
   * Rejects, with what happened to it, unless the file is where it was opened. What was committed to
   * a file that is gone is not committed.
   */
  async check(): Promise<void> {
    await this.#ask({ kind: 'check' })
  }

  /** Bytes of the file and of its log; a log that keeps growing has a reader that never ends. */
  sizes(): { readonly fileBytes: number; readonly walBytes: number } {
    const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
    const { path } = this.#config
    return { fileBytes: size(path), walBytes: size(`${path}-wal`) }
  }

  /** Gives up on a batch that does not go in: its `commit` rejects after one last attempt. */
  async abandon(): Promise<void> {
    if (this.#worker !== undefined) await this.#ask({ kind: 'abandon' })
  }

  /** A receiver takes entries from `nowMs` on; the time without one before it, undefined for a new file. */
  receiving(nowMs: number): Promise<ReceiverGap | undefined> {
    return this.#ask({ kind: 'receiving', nowMs })
  }

  /**
   * Waits for a commit under way, copies the WAL back, closes the file, ends the thread. Safe twice,
   * without `open`, and when the thread has died: then there is nothing left to close. `stoppedMs`: when a
   * receiver took its last entry (see `receiver_gaps`).
   */
  stop(stoppedMs?: number): Promise<void> {
    this.#stopping ??= this.#stop(stoppedMs).finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  async #stop(stoppedMs: number | undefined): Promise<void> {
    if (this.#worker === undefined) return
    await this.#committing
    if (this.#failure === undefined) await this.#ask({ kind: 'close', stoppedMs })
    await this.#end()
  }

  #ask<K extends Request['kind']>(request: Request & { kind: K }): Promise<Answers[K]> {
    const worker = this.#worker
    if (worker === undefined) {
      return Promise.reject(new ServiceError('store_closed', `${this.#config.path} is not open`))
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = ++this.#requests
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      worker.postMessage({ id, request })
    })
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'answer':
        this.#take(message.id)?.resolve(message.value)
        return
      case 'failure':
        this.#receiveFailure(message.id, new ServiceError(message.code, message.message))
        return
      case 'trouble':
        this.#events.trouble?.(message.trouble)
        return
      case 'recovered':
        this.#events.recovered?.()
    }
  }

  #receiveFailure(id: number, error: ServiceError): void {
    this.#take(id)?.reject(error)
    if (error.code === 'store_corrupt') this.#fail(error)
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #fail(cause: Error): void {
    // The first is the reason: an error is followed by the thread's exit.
    if (this.#failure === undefined) {
      const isOurs = cause instanceof ServiceError
      this.#failure = isOurs ? cause : new ServiceError('store_failed', cause.message, { cause })
      // A thread that was ended has no worker any more.
      if (this.#worker !== undefined) this.#events.failed?.(this.#failure)
    }
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }
}
