import { bytesInUse, collectGarbage, residentBytes } from './runtime/memory-use.ts'
import type { Health } from './telemetry/health.ts'
import type { Metrics } from './telemetry/registry.ts'
import type { SampledLogger } from './telemetry/sampled-logger.ts'

/** Above this multiple of `memory.shed_above` the budget is spent: shedding was not enough. */
const SPENT_ABOVE = 1.25
/** Shedding ends below this part of `memory.shed_above`: at the edge it would flap. */
const SHED_UNTIL = 0.9
/**
 * A collection stops everything for its time (about 1 ms per MB of objects): it is asked for at most this
 * often, ms; more rarely if nothing but resident memory is high, to give pages back.
 */
const COLLECT_EVERY_MS = 30_000
const COLLECT_RESIDENT_EVERY_MS = 300_000
/**
 * Unready for this long at most, then ready for at least that long, ms: with one receiver there is
 * nowhere else to send, and without endpoints sidecars lose data.
 */
const UNREADY_MS = 20_000
const READY_MS = 300_000

export interface MemoryWatchDependencies {
  /** Periodic entries are dropped while its `shedding` is true. */
  readonly pipeline: { shedding: boolean }
  readonly health: Health
  readonly logger: SampledLogger
  readonly monotonicMs?: () => number
  readonly bytesInUse?: () => number
  readonly residentBytes?: () => number | undefined
  readonly collect?: () => void
}

/**
 * Compares what is in use with `memory.shed_above`, and sheds load in steps: collect, drop periodic
 * entries, turn unready for a short while. Resident memory does not decide: after a peak it stays high
 * though nothing is in use.
 */
export class MemoryWatch {
  /** Collections that were asked for. */
  collections = 0
  readonly #limit: number
  readonly #deps: Required<MemoryWatchDependencies>
  #collectedMs = Number.NEGATIVE_INFINITY
  #unreadySinceMs: number | undefined
  #readySinceMs = Number.NEGATIVE_INFINITY

  constructor(
    { shedAboveBytes }: { readonly shedAboveBytes: number },
    deps: MemoryWatchDependencies,
  ) {
    this.#limit = shedAboveBytes
    this.#deps = {
      monotonicMs: () => performance.now(),
      bytesInUse,
      residentBytes,
      collect: collectGarbage,
      ...deps,
    }
  }

  /** To be called once a second. Never throws. */
  look(): void {
    const { pipeline, logger } = this.#deps
    const shedAbove = this.#limit * (pipeline.shedding ? SHED_UNTIL : 1)
    let inUse = this.#deps.bytesInUse()
    const resident = this.#deps.residentBytes() ?? 0
    if (inUse > shedAbove) inUse = this.#collected(inUse, COLLECT_EVERY_MS)
    else if (resident > shedAbove) inUse = this.#collected(inUse, COLLECT_RESIDENT_EVERY_MS)
    pipeline.shedding = inUse > shedAbove
    if (pipeline.shedding) {
      logger.warn(
        { inUse, resident, shedAboveBytes: this.#limit },
        'memory is short: periodic entries are dropped',
      )
    }
    this.#deps.health.set(this.#isUnready(inUse > this.#limit * SPENT_ABOVE) ? 'memory' : 'ready')
  }

  declareMetrics(metrics: Metrics): void {
    metrics.gauge({
      name: 'snimeter_memory_in_use_bytes',
      help: 'Heap and buffers in use by the receiving thread; compared with memory.shed_above.',
      read: this.#deps.bytesInUse,
    })
    metrics.gauge({
      name: 'snimeter_memory_shedding',
      help: '1 while periodic entries are dropped because memory is short.',
      read: () => (this.#deps.pipeline.shedding ? 1 : 0),
    })
    metrics.counter({
      name: 'snimeter_memory_collections_total',
      help: 'Garbage collections that were asked for because memory was short.',
      read: () => this.collections,
    })
  }

  /** What is in use after a collection; without one if the last was too recent. */
  #collected(inUse: number, everyMs: number): number {
    const nowMs = this.#deps.monotonicMs()
    if (nowMs - this.#collectedMs < everyMs) return inUse
    this.collections++
    this.#deps.collect()
    this.#collectedMs = this.#deps.monotonicMs()
    return this.#deps.bytesInUse()
  }

  #isUnready(spent: boolean): boolean {
    const nowMs = this.#deps.monotonicMs()
    if (this.#unreadySinceMs === undefined) {
      if (!spent || nowMs - this.#readySinceMs < READY_MS) return false
      this.#unreadySinceMs = nowMs
      return true
    }
    if (spent && nowMs - this.#unreadySinceMs < UNREADY_MS) return true
    this.#unreadySinceMs = undefined
    this.#readySinceMs = nowMs
    return false
  }
}
