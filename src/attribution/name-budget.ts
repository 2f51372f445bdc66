/** Bounds of distinct names per UTC day. */
export interface NameBudgetConfig {
  readonly perWorkloadPerDay: number
  readonly perDay: number
}

const DAY_MS = 86_400_000
/** Pairs of workload and name a day at most, whatever the budgets say: about 400 MB, and a Set's limit is near. */
const MAX_PAIRS = 8_000_000
/** Session ids of destinations stay below this (the name budget is far smaller). */
const ID_SPACE = 2 ** 26

/**
 * Distinct names of the current UTC day, per workload and in all. A client chooses its SNI, so
 * without a budget one workload could fill the file with names; beyond it, bytes are kept under
 * `__other__`. Days only move forward.
 */
export class NameBudget {
  /** Names refused since the process began (connections, not distinct names). */
  overflows = 0
  readonly #config: NameBudgetConfig
  readonly #pairs = new Set<number>()
  readonly #namesOfWorkload = new Map<number, number>()
  readonly #names = new Set<number>()
  #day = 0

  constructor(config: NameBudgetConfig) {
    this.#config = config
  }

  /** Begins a new day if the moment lies in a later one. True when it did. */
  advance(nowMs: number): boolean {
    const day = Math.floor(nowMs / DAY_MS)
    if (day <= this.#day) return false
    this.#day = day
    this.#pairs.clear()
    this.#namesOfWorkload.clear()
    this.#names.clear()
    return true
  }

  /** Whether the workload has used this name today. */
  knows(workload: number, destination: number): boolean {
    return this.#pairs.has(workload * ID_SPACE + destination)
  }

  /** Whether a further name fits; `destination` is undefined for a name that has no id yet. */
  hasRoom(workload: number, destination: number | undefined): boolean {
    const used = this.#namesOfWorkload.get(workload) ?? 0
    const isNew = destination === undefined || !this.#names.has(destination)
    if (
      used < this.#config.perWorkloadPerDay &&
      this.#pairs.size < MAX_PAIRS &&
      (!isNew || this.#names.size < this.#config.perDay)
    ) {
      return true
    }
    this.overflows++
    return false
  }

  /** Counts a name for the workload. */
  add(workload: number, destination: number): void {
    const pair = workload * ID_SPACE + destination
    if (this.#pairs.has(pair)) return
    this.#pairs.add(pair)
    this.#names.add(destination)
    this.#namesOfWorkload.set(workload, (this.#namesOfWorkload.get(workload) ?? 0) + 1)
  }

  /** Ids that today's names refer to. */
  *workloads(): Iterable<number> {
    yield* this.#namesOfWorkload.keys()
  }

  *destinations(): Iterable<number> {
    yield* this.#names
  }
}
