import { Worker } from 'node:worker_threads'
import type { Finding } from '../model/finding.ts'
import type { OutboxState, Parked } from '../model/outbox.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { RelayStats } from '../outbox/relay.ts'
import type { SinkCondition } from '../outbox/sink-log.ts'
import { threadUrl } from '../runtime/thread-url.ts'
import { within } from '../runtime/within.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { FanOutConfig, FromFanOut, ToFanOut } from './messages.ts'

/** A thread that has died is started again after this long, ms. */
const RESTART_MS = 5000

/** What becomes of events is kept by the store. */
interface OutcomeStore {
  admit(sink: string, found: readonly Stamp[]): Promise<Admission>
  acknowledge(sink: string, sequences: readonly number[]): Promise<OutboxState>
  acknowledgeHours(sink: string, sequences: readonly number[]): Promise<OutboxState>
  park(sink: string, events: readonly Parked[]): Promise<OutboxState>
  retryParked(): Promise<OutboxState>
  rememberTopic(sink: string, memory: TopicMemory): Promise<void>
}

export interface FanOutDependencies {
  readonly store: OutcomeStore
  readonly logger: Logger
}

/**
 * The sinks, as the main thread knows them: everything of theirs (reading the outbox, rendering,
 * compressing, sockets) runs on a thread of its own, which must not delay the one that reads from
 * Envoy. Whatever happens there, receiving and committing go on; the thread is started again.
 */
export class FanOut {
  /** Times that the thread was started again. */
  restarts = 0
  readonly #config: FanOutConfig
  readonly #store: OutcomeStore
  readonly #logger: Logger
  #stats: Readonly<Record<string, RelayStats>> = {}
  #conditions: Readonly<Record<string, SinkCondition>> = {}
  #findings: Readonly<Record<string, readonly Finding[]>> = {}
  #worker: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined
  #stopped = Promise.withResolvers<void>()

  constructor(config: FanOutConfig, { store, logger }: FanOutDependencies) {
    this.#config = config
    this.#store = store
    this.#logger = logger
  }

  /** What each sink has done since the thread was started, as of a second ago at most. */
  get stats(): Readonly<Record<string, RelayStats>> {
    return this.#stats
  }

  /** Whether each sink takes events, as of a second ago at most. */
  get conditions(): Readonly<Record<string, SinkCondition>> {
    return this.#conditions
  }

  /** What is wrong with the topic of each sink, as of the last look at it. */
  get findings(): Readonly<Record<string, readonly Finding[]>> {
    return this.#findings
  }

  /** The file must be open: the thread reads it. */
  start(): void {
    const { kafka, files, log, store } = this.#config
    const workerData: FanOutConfig = { kafka, files, log, store: { path: store.path } }
    // The flags of the main thread (`--eval` and its like) are not for this one.
    const worker = new Worker(threadUrl('fan-out-thread', import.meta.url), {
      workerData,
      execArgv: [],
    })
    this.#worker = worker
    worker.on('message', (message: FromFanOut) => this.#receive(worker, message))
    worker.on('error', (error) => {
      this.#logger.error({ error: error.message }, 'the fan-out thread has failed; it starts again')
    })
    worker.on('exit', () => this.#ended(worker))
  }

  /** Somebody has acted: parked events go back into the outbox, and back-offs end. */
  async retryParked(): Promise<void> {
    await this.#store.retryParked()
    this.#tell({ kind: 'retry' })
  }

  /** Ends the sinks; what they have not acknowledged stays in the outbox. Safe twice and without `start`. */
  stop(withinMs: number): Promise<void> {
    this.#stopping ??= this.#stop(withinMs)
    return this.#stopping
  }

  async #stop(withinMs: number): Promise<void> {
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    this.#tell({ kind: 'stop', withinMs })
    await within(withinMs, this.#stopped.promise)
    this.#worker = undefined
    await worker.terminate()
  }

  #receive(worker: Worker, message: FromFanOut): void {
    switch (message.kind) {
      case 'acknowledge':
        this.#settle(worker, message.id, this.#store.acknowledge(message.sink, message.sequences))
        return
      case 'admit':
        this.#answer(worker, message.id, this.#store.admit(message.sink, message.found))
        return
      case 'acknowledgeHours':
        this.#settle(
          worker,
          message.id,
          this.#store.acknowledgeHours(message.sink, message.sequences),
        )
        return
      case 'park':
        this.#settle(worker, message.id, this.#store.park(message.sink, message.events))
        return
      case 'remember':
        this.#settle(worker, message.id, this.#store.rememberTopic(message.sink, message.memory))
        return
      case 'stats':
        this.#stats = message.stats
        this.#conditions = message.conditions
        this.#findings = message.findings
        return
      case 'stopped':
        this.#stopped.resolve()
    }
  }

  #settle(worker: Worker, id: number, outcome: Promise<unknown>): void {
    this.#answer(
      worker,
      id,
      outcome.then(() => undefined),
    )
  }

  #answer(worker: Worker, id: number, outcome: Promise<Admission | undefined>): void {
    const tell = (message: ToFanOut) => worker.postMessage(message)
    outcome.then(
      (admission) => tell({ kind: 'settled', id, admission }),
      (error: Error) => tell({ kind: 'unsettled', id, message: error.message }),
    )
  }

  #tell(message: ToFanOut): void {
    this.#worker?.postMessage(message)
  }

  #ended(worker: Worker): void {
    this.#stopped.resolve()
    if (this.#stopping !== undefined || this.#worker !== worker) return
    this.#worker = undefined
    this.#restart = setTimeout(() => {
      this.restarts++
      this.#stopped = Promise.withResolvers()
      this.start()
    }, RESTART_MS)
  }
}
