import { ClockWatch } from './clock-watch.ts'
import { Committer } from './committer.ts'
import type { Config } from './config.ts'
import { CrowdRelief } from './crowd-relief.ts'
import { FanOut } from './fan-out/fan-out.ts'
import {
  declareFanOutMetrics,
  declareSinkConditions,
  declareTopicFindings,
} from './fan-out/metrics.ts'
import { hourSinkNames, sinkNames } from './fan-out/sink-names.ts'
import { HttpServer } from './http/server.ts'
import { LiveDoctor, type LiveFindings } from './live-doctor.ts'
import { MemoryWatch } from './memory-watch.ts'
import { Crowding } from './model/crowding.ts'
import { Pipeline } from './pipeline.ts'
import { declarePipelineMetrics } from './pipeline-metrics.ts'
import { QueryService } from './query/query-service.ts'
import { AccessLogReceiver } from './receiver/server.ts'
import { CaptureWriter } from './recording/capture-writer.ts'
import { restore } from './restore.ts'
import { ArrivalClock } from './runtime/arrival-clock.ts'
import { ConnectionGate } from './runtime/connection-gate.ts'
import { descriptorShares } from './runtime/descriptors.ts'
import { formatAddress } from './runtime/listen-address.ts'
import { ServiceError } from './runtime/service-error.ts'
import { type SystemClocks, systemClocks } from './runtime/system-clocks.ts'
import { packageVersion } from './runtime/version.ts'
import { Store } from './store/store.ts'
import { declareConnectionMetrics } from './telemetry/connection-metrics.ts'
import { Health } from './telemetry/health.ts'
import type { Logger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/registry.ts'
import { SampledLogger } from './telemetry/sampled-logger.ts'
import { WalWatch } from './wal-watch.ts'

/** Idle time is noticed, and memory looked at, this often, ms. */
const TICK_MS = 1000
/** Longest time that sinks get to end at shutdown, ms; what they have not acknowledged waits in the file. */
const SINK_STOP_MS = 3000
/** What is wrong with the mesh is looked for this often, ms. */
const FINDINGS_MS = 60_000
/** The size of the write-ahead log is looked at this often, ms. */
const WAL_MS = 10_000

export interface AppDependencies {
  readonly logger: Logger
  /** The clocks of the machine, unless a test passes its own. */
  readonly clocks?: SystemClocks | undefined
  /** How often the mesh is judged for the metric, ms, unless once a minute. */
  readonly findingsEveryMs?: number
}

/**
 * Everything that `serve` is, wired by hand: sinks start first and sources last, and stop in reverse,
 * so that intake closes first and everything behind it can drain.
 */
export class App {
  readonly #config: Config
  readonly #logger: Logger
  readonly #clocks: SystemClocks
  readonly #findingsEveryMs: number
  readonly #sampled: SampledLogger
  readonly #health = new Health()
  readonly #metrics = new Metrics({ build: { version: packageVersion(), node: process.version } })
  readonly #queries: QueryService
  readonly #connections: { readonly als: ConnectionGate; readonly http: ConnectionGate }
  readonly #http: HttpServer
  #parts: Parts | undefined
  #starting: Promise<void> | undefined
  #stopped: Promise<StopOutcome> = Promise.resolve({ committed: true })
  #startedMs = 0
  /** Whether the file refuses what is tried, and how often that was told. */
  #failing = false
  #failures = 0
  readonly #failure = Promise.withResolvers<Error>()

  constructor(
    config: Config,
    { logger, clocks = systemClocks(), findingsEveryMs = FINDINGS_MS }: AppDependencies,
  ) {
    this.#config = config
    this.#logger = logger
    this.#clocks = clocks
    this.#findingsEveryMs = findingsEveryMs
    this.#sampled = new SampledLogger(logger, { monotonicMs: () => performance.now() })
    this.#queries = new QueryService({
      path: config.store.path,
      timeoutMs: config.http.queryTimeoutMs,
      connectionIds: config.http.connectionIds,
    })
    const shares = descriptorShares()
    this.#connections = {
      als: new ConnectionGate(Math.min(config.als.maxConnections, shares.als)),
      http: new ConnectionGate(shares.http),
    }
    this.#http = new HttpServer(
      config.http,
      {
        health: this.#health,
        metrics: this.#metrics,
        logger,
        status: () => this.#status(),
        query: (request, caller) => this.#queries.json(request, caller),
        nodes: () => this.#parts?.pipeline.observations.reports() ?? [],
        findings: () => this.#findings(),
      },
      this.#connections.http,
    )
  }

  /** Address of the gRPC server, `host:port` with the real port. */
  get alsAddress(): string {
    return formatAddress(this.#running.receiver.address())
  }

  /** Address of the HTTP server. */
  get httpAddress(): string {
    return formatAddress(this.#http.address())
  }

  /**
   * Resolves if the storage thread dies, or finds the file damaged (`store_corrupt`): nothing can be committed
   * any more, and a new process would find the file as of its last commit. Never rejects.
   */
  get failed(): Promise<Error> {
    return this.#failure.promise
  }

  /** Opens the file, puts back what it knows, then listens. Rejects with a ServiceError. */
  async start(): Promise<void> {
    this.#starting = this.#start()
    await this.#starting
  }

  async #start(): Promise<void> {
    this.#startedMs = performance.now()
    const { wallMs, monotonicMs, uptimeMs } = this.#clocks
    const store = this.#makeStore()
    const opening = await store.open(wallMs())
    const clock = new ArrivalClock({ wallMs, monotonicMs, floorMs: opening.clock.newestMs })
    const recorder = this.#makeRecorder()
    const pipeline = new Pipeline(this.#config, opening, { recorder, uptimeMs })
    const committer = new Committer(pipeline, store)
    const receiver = this.#makeReceiver(pipeline, committer, clock)
    const fanOut = this.#makeFanOut(store)
    const doctor = new LiveDoctor(this.#config, {
      pipeline,
      queries: this.#queries,
      receiver,
      isNew: opening.clock.newestMs === 0,
      sinks: () => store.sinks,
      topics: () => Object.values(fanOut?.findings ?? {}).flat(),
    })
    const clockWatch = new ClockWatch({ clock, pipeline, doctor, logger: this.#logger })
    clockWatch.openedWith(opening)
    const memory = new MemoryWatch(this.#config.memory, {
      pipeline,
      health: this.#health,
      logger: this.#sampled,
    })
    this.#parts = {
      store,
      memory,
      doctor,
      clock,
      clockWatch,
      pipeline,
      committer,
      recorder,
      fanOut,
      receiver,
      timers: [],
    }
    try {
      await restore(pipeline, store, this.#config.ledger.maxConnections, clock.now())
      declarePipelineMetrics(this.#metrics, pipeline, committer)
      doctor.declareMetrics(this.#metrics)
      memory.declareMetrics(this.#metrics)
      declareConnectionMetrics(this.#metrics, this.#connections)
      clockWatch.declareMetrics(this.#metrics)
      this.#declareStoreMetrics(store)
      this.#startFanOut(this.#parts.fanOut, store)
      await recorder?.start()
      await this.#queries.start()
      await this.#http.start()
      await this.#parts.receiver.start()
    } catch (error) {
      await this.#stop()
      throw error
    }
    this.#startTimers(this.#parts)
    this.#noteGap(store, doctor, clock.now())
    this.#health.set('ready')
  }

  /**
   * Stops taking entries, commits what was taken, closes the file. `committed` is false, with a message
   * that says what is missing, if the file did not take everything before the deadline. Safe twice, and
   * during or without a `start`.
   */
  async stop(): Promise<StopOutcome> {
    // A start under way is waited for: what it has opened must be closed.
    await this.#starting?.catch(() => undefined)
    return this.#stop()
  }

  #stop(): Promise<StopOutcome> {
    this.#health.set('stopping')
    const parts = this.#parts
    this.#parts = undefined
    if (parts !== undefined) this.#stopped = this.#stopParts(parts)
    return this.#stopped
  }

  async #stopParts(parts: Parts): Promise<StopOutcome> {
    const { shutdown } = this.#config
    if (shutdown.propagationDelayMs > 0) await delay(shutdown.propagationDelayMs)
    // One deadline for all of it; commits go on while the streams are drained.
    const endMs = performance.now() + shutdown.deadlineMs
    // Ended first: a query that reads on would keep the write-ahead log from being copied back.
    await this.#queries.stop()
    await parts.receiver.drain(shutdown.deadlineMs / 2)
    for (const timer of parts.timers) clearInterval(timer)
    const stoppedMs = parts.clock.now()
    const outcome = await this.#flush(parts, Math.max(0, endMs - performance.now()))
    await parts.recorder?.stop()
    await parts.fanOut?.stop(SINK_STOP_MS)
    await parts.store.stop(stoppedMs)
    await this.#http.stop()
    return outcome
  }

  /** Events that sinks have refused are tried again, and those that wait for a back-off at once. */
  async retryParked(): Promise<void> {
    await this.#parts?.fanOut?.retryParked()
  }

  get #running(): Parts {
    if (this.#parts === undefined) throw new ServiceError('not_started', 'serve is not running')
    return this.#parts
  }

  async #flush({ committer, store, pipeline }: Parts, withinMs: number): Promise<StopOutcome> {
    const deadline = setTimeout(() => {
      store.abandon().catch(() => undefined)
    }, withinMs)
    try {
      await committer.flush()
      // What was committed is only there if the file is.
      await store.check()
      return { committed: true }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return {
        committed: false,
        message: `not everything received is in ${this.#config.store.path}: ${reason}; ${pipeline.pendingRows} further changed rows were waiting`,
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  #makeStore(): Store {
    const { store, rollup } = this.#config
    return new Store(
      {
        path: store.path,
        windowSeconds: rollup.windowSeconds,
        changeWindows: true,
        retention: store.retention,
        outbox: {
          instance: this.#config.instance,
          graceMs: rollup.graceMs,
          sinks: sinkNames(this.#config),
          hours: hourSinkNames(this.#config),
          ...this.#config.outbox,
        },
        boot: { id: this.#clocks.bootId, uptimeMs: this.#clocks.uptimeMs() },
      },
      {
        trouble: (trouble) => {
          this.#failing = true
          this.#failures++
          this.#logger.error(
            { ...trouble, path: store.path },
            'the file fails; what arrives is kept in memory, and the same is tried again',
          )
        },
        recovered: () => {
          this.#failing = false
          this.#logger.info({ path: store.path }, 'the file works again')
        },
        failed: (error) => {
          this.#failing = true
          this.#storeFailed(error)
        },
      },
    )
  }

  /** A file that does not take it now (a full disk) must not hold up the start. */
  #noteGap(store: Store, doctor: LiveDoctor, nowMs: number): void {
    store.receiving(nowMs).then(
      (gap) => {
        doctor.gap = gap
      },
      (error: unknown) => this.#storeFailed(error),
    )
  }

  #declareStoreMetrics(store: Store): void {
    this.#metrics.gauge({
      name: 'snimeter_store_file_bytes',
      help: 'Size of the database file.',
      read: () => store.sizes().fileBytes,
    })
    this.#metrics.gauge({
      name: 'snimeter_store_wal_bytes',
      help: 'Size of its write-ahead log; it grows behind a reader that never ends.',
      read: () => store.sizes().walBytes,
    })
    this.#metrics.gauge({
      name: 'snimeter_store_ended_connections',
      help: 'Rows of closed and orphaned connections in the file; at most store.max_connections.',
      read: () => store.ended.rows,
    })
    this.#metrics.counter({
      name: 'snimeter_store_connections_left_early_total',
      help: 'Connections that left the file before store.retention.connections, for want of room.',
      read: () => store.ended.leftEarly,
    })
    this.#metrics.gauge({
      name: 'snimeter_store_failing',
      help: '1 while the file does not take commits (or answers); what arrives gathers in memory.',
      read: () => (this.#failing ? 1 : 0),
    })
    this.#metrics.counter({
      name: 'snimeter_store_trouble_total',
      help: 'Times that trouble with the file was told: at its start, then every ten seconds.',
      read: () => this.#failures,
    })
  }

  #makeFanOut(store: Store): FanOut | undefined {
    if (sinkNames(this.#config).length === 0) return undefined
    return new FanOut(this.#config, { store, logger: this.#logger })
  }

  /** Sinks that are down hold nothing up: this neither waits for them nor fails. */
  #startFanOut(fanOut: FanOut | undefined, store: Store): void {
    declareFanOutMetrics(this.#metrics, {
      sinks: () => store.sinks,
      stats: () => fanOut?.stats ?? {},
      restarts: () => fanOut?.restarts ?? 0,
    })
    declareSinkConditions(this.#metrics, () => fanOut?.conditions ?? {})
    declareTopicFindings(this.#metrics, () => fanOut?.findings ?? {})
    fanOut?.start()
  }

  #makeRecorder(): CaptureWriter | undefined {
    const { record } = this.#config
    if (record.directory === '') return undefined
    return new CaptureWriter(record, { logger: this.#logger, metrics: this.#metrics })
  }

  #makeReceiver(pipeline: Pipeline, committer: Committer, clock: ArrivalClock): AccessLogReceiver {
    const receiver: AccessLogReceiver = new AccessLogReceiver(this.#config.als, {
      logger: this.#logger,
      metrics: this.#metrics,
      health: this.#health,
      connections: this.#connections.als,
      openStream: (sender) => {
        const stream = pipeline.openStream(sender.key)
        return {
          message: (bytes) => {
            pipeline.message(stream, bytes, clock.now())
            if (pipeline.held.hasQuestions) this.#askSoon(committer)
            const crowding = pipeline.crowding(stream)
            return crowding === Crowding.none || relief.begin() ? crowding : Crowding.none
          },
          close: () => {
            pipeline.closeStream(stream)
            if (pipeline.held.hasQuestions) this.#askSoon(committer)
          },
        }
      },
    })
    const relief = new CrowdRelief(committer, receiver, (error) => this.#storeFailed(error))
    return receiver
  }

  #asking = false

  /** Asks the file about unknown connections, once for all messages of this turn of the loop. */
  #askSoon(committer: Committer): void {
    if (this.#asking) return
    this.#asking = true
    setImmediate(() => {
      this.#asking = false
      committer.ask().catch((error: unknown) => this.#storeFailed(error))
    })
  }

  #startTimers({
    pipeline,
    committer,
    clock,
    clockWatch,
    doctor,
    memory,
    store,
    timers,
  }: Parts): void {
    const wal = new WalWatch(this.#logger, () => store.sizes().walBytes)
    timers.push(
      setInterval(() => wal.look(this.#config.store.path), WAL_MS),
      clockWatch.start(),
      // For the metric and `top`; what fails now is asked again.
      setInterval(() => {
        doctor.refresh().catch(() => undefined)
      }, this.#findingsEveryMs),
      setInterval(() => {
        pipeline.tick(clock.now())
        if (pipeline.held.hasQuestions) this.#askSoon(committer)
        memory.look()
      }, TICK_MS),
      setInterval(() => {
        if (committer.busy) return
        committer.commit().catch((error: unknown) => this.#storeFailed(error))
      }, this.#config.store.commitIntervalMs),
    )
  }

  /** The storage thread is gone. (A batch that a shutdown gave up on is told by `stop`.) */
  #storeFailed(error: unknown): void {
    if (error instanceof ServiceError && error.code === 'store_uncommitted') return
    this.#failure.resolve(error instanceof Error ? error : new Error(String(error)))
  }

  async #findings(): Promise<LiveFindings> {
    const { doctor } = this.#running
    await doctor.refresh()
    return doctor.latest
  }

  #status(): Record<string, unknown> {
    const parts = this.#parts
    return {
      version: packageVersion(),
      ready: this.#health.ready,
      reason: this.#health.reason,
      uptime_seconds: Math.round((performance.now() - this.#startedMs) / 1000),
      streams: parts?.receiver.streams ?? 0,
      open_connections: parts?.pipeline.ledger.living ?? 0,
      entries: parts?.pipeline.coverage.entries ?? 0,
      findings: parts?.doctor.wrong ?? 0,
      path: this.#config.store.path,
      sinks: (parts?.store.sinks ?? []).map((sink) => ({
        name: sink.name,
        configured: sink.configured,
        restored: sink.restored,
        events: sink.events,
        parked: sink.parked,
        oldest_seconds: sink.oldestMs / 1000,
        lag_seconds: sink.lagMs / 1000,
      })),
    }
  }
}

/** `committed` is false, with what is missing, if the file did not take everything. */
export interface StopOutcome {
  readonly committed: boolean
  readonly message?: string
}

interface Parts {
  readonly store: Store
  readonly clock: ArrivalClock
  readonly clockWatch: ClockWatch
  readonly pipeline: Pipeline
  readonly committer: Committer
  readonly recorder: CaptureWriter | undefined
  readonly doctor: LiveDoctor
  readonly memory: MemoryWatch
  readonly fanOut: FanOut | undefined
  readonly receiver: AccessLogReceiver
  readonly timers: NodeJS.Timeout[]
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
