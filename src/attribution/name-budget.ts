import { type FairShare, sharedPool } from '../runtime/fair-share.ts'

/** Bounds of distinct names per UTC day. */
export interface NameBudgetConfig {
  readonly perWorkloadPerDay: number
  readonly perDay: number
}

const DAY_MS = 86_400_000
/** Pairs of workload and name a day, whatever the budgets say: about 400 MB. */
const MAX_PAIRS = 8_000_000
/** Beyond this not even what each sender is sure of. */
const HARD_PAIRS = 16_000_000

/** The names of a workload. A set for each: one of all pairs would hold the thread for a second when it grows. */
interface WorkloadNames {
  readonly known: Set<number>
  readonly share: FairShare
}

/**
 * Distinct names of the current UTC day, per workload and in all. A client chooses its SNI, so
 * without a budget one workload could fill the file with names; beyond it, bytes are kept under
 * `__other__`. Days only move forward, unless the wall clock was set.
 *
 * Both budgets are shared out among senders: the identifier that names the workload is the sender's own
 * word, so neither invented workloads nor another's name may use up what an honest sender needs.
 */
export class NameBudget {
  /** Names refused since the process began (connections, not distinct names). */
  overflows = 0
  /** Refused because a sender's share of a workload's names was used up. */
  workloadRefusals = 0
  /** Distinct names, by the sender that first used them. */
  readonly names: FairShare
  /** Pairs of workload and name, likewise. */
  readonly pairs = sharedPool(MAX_PAIRS)
  readonly #perWorkload: number
  readonly #ofWorkload = new Map<number, WorkloadNames>()
  readonly #knownNames = new Set<number>()
  #day = 0

  constructor({ perDay, perWorkloadPerDay }: NameBudgetConfig) {
    this.#perWorkload = perWorkloadPerDay
    this.names = sharedPool(perDay)
  }

  /** Begins a new day if the moment lies in a later one. True when it did. */
  advance(nowMs: number): boolean {
    const day = Math.floor(nowMs / DAY_MS)
    if (day <= this.#day) return false
    this.#day = day
    this.names.clear()
    this.pairs.clear()
    this.#ofWorkload.clear()
    this.#knownNames.clear()
    return true
  }

  /** The wall clock was set: the names of the day stay, they are of the day that it says now. */
  stepTo(nowMs: number): void {
    this.#day = Math.min(this.#day, Math.floor(nowMs / DAY_MS))
  }

  /** Whether the workload has used this name today. */
  knows(workload: number, destination: number): boolean {
    return this.#ofWorkload.get(workload)?.known.has(destination) === true
  }

  /**
   * Whether a further name of a sender (`Sender.key`) fits; `destination` is undefined for a name that has
   * no id yet.
   */
  hasRoom(workload: number, destination: number | undefined, sender: string): boolean {
    const isNew = destination === undefined || !this.#knownNames.has(destination)
    if (
      this.#hasRoomIn(workload, sender) &&
      this.pairs.total < HARD_PAIRS &&
      this.pairs.hasRoom(sender) &&
      (!isNew || this.names.hasRoom(sender))
    ) {
      return true
    }
    this.overflows++
    return false
  }

  /** Counts a name for the workload, as used by a sender; undefined: by one that is not known any more. */
  add(workload: number, destination: number, sender: string | undefined): void {
    let ofWorkload = this.#ofWorkload.get(workload)
    if (ofWorkload === undefined) {
      ofWorkload = { known: new Set(), share: sharedPool(this.#perWorkload) }
      this.#ofWorkload.set(workload, ofWorkload)
    }
    if (ofWorkload.known.has(destination)) return
    ofWorkload.known.add(destination)
    take(ofWorkload.share, sender)
    take(this.pairs, sender)
    if (this.#knownNames.has(destination)) return
    this.#knownNames.add(destination)
    take(this.names, sender)
  }

  /** Ids that today's names refer to. */
  *workloads(): Iterable<number> {
    yield* this.#ofWorkload.keys()
  }

  *destinations(): Iterable<number> {
    yield* this.#knownNames
  }

  #hasRoomIn(workload: number, sender: string): boolean {
    const share = this.#ofWorkload.get(workload)?.share
    if (share === undefined ? this.#perWorkload > 0 : share.hasRoom(sender)) return true
    this.workloadRefusals++
    return false
  }
}

function take(pool: FairShare, sender: string | undefined): void {
  if (sender === undefined) pool.takeForAll()
  else pool.take(sender)
}
