import type { Definitions } from '../model/batch.ts'
import type { Dictionary } from './dictionary.ts'
import { IdMarks } from './id-marks.ts'

/** Ids released at one cut: 5 to 10 ms. */
const RELEASED_PER_CUT = 12_000

/** Session ids that something refers to, by dictionary. */
export interface UsedIds {
  readonly nodes: IdMarks
  readonly workloads: IdMarks
  readonly destinations: IdMarks
  readonly pods: IdMarks
  readonly clusters: IdMarks
}

export function makeUsedIds(): UsedIds {
  return {
    nodes: new IdMarks(),
    workloads: new IdMarks(),
    destinations: new IdMarks(),
    pods: new IdMarks(),
    clusters: new IdMarks(),
  }
}

/** Finds the ids that streams, waiting samples and connection rows refer to, a part at a time. */
export interface UsedIdsWalk {
  /** Marks what can hand an id on without asking for it again: streams and waiting samples. */
  begin(used: UsedIds): void
  /** Marks a part of the rest; true when all has been looked at since `begin`. */
  next(used: UsedIds): boolean
}

export interface SweptDictionaries {
  readonly nodes: Dictionary<{ readonly workload: number }>
  readonly workloads: Dictionary<unknown>
  readonly destinations: Dictionary<unknown>
  readonly pods: Dictionary<{ readonly workload: number }>
  readonly clusters: Dictionary<unknown>
}

/**
 * Releases ids that nothing refers to, in parts, so that no cut takes long however many rows there are:
 *
 *   idle ─▶ marking: streams, names of the day, then rows, some per cut ─▶ releasing, some per cut ─▶ idle
 *
 * Whoever gets an id while that goes on gets it from `SessionIdentities`, which marks what it hands out:
 * a row that takes an id after the walk has passed it is not missed.
 */
export class IdSweep {
  readonly used: UsedIds
  readonly #dictionaries: SweptDictionaries
  #phase: 'idle' | 'marking' | 'releasing' = 'idle'

  constructor(dictionaries: SweptDictionaries, used: UsedIds) {
    this.#dictionaries = dictionaries
    this.used = used
  }

  get isIdle(): boolean {
    return this.#phase === 'idle'
  }

  /** Begins to mark; at a cut. */
  begin(walk: UsedIdsWalk): void {
    for (const marks of Object.values(this.used) as IdMarks[]) marks.clear()
    walk.begin(this.used)
    this.#phase = 'marking'
  }

  /** Does one part; at a cut, after the definitions were taken. What it returns goes with that batch. */
  step(walk: UsedIdsWalk): Definitions['released'] {
    if (this.#phase === 'marking' && walk.next(this.used)) this.#beginToRelease()
    if (this.#phase !== 'releasing') return NOTHING
    let left = RELEASED_PER_CUT
    const sweep = (dictionary: Dictionary<unknown>, used: IdMarks): number[] => {
      const released = dictionary.sweep((id) => used.has(id), left)
      left -= released.length
      return released
    }
    const { nodes, workloads, destinations, pods, clusters } = this.#dictionaries
    const released = {
      nodes: sweep(nodes, this.used.nodes),
      pods: sweep(pods, this.used.pods),
      workloads: sweep(workloads, this.used.workloads),
      destinations: sweep(destinations, this.used.destinations),
      clusters: sweep(clusters, this.used.clusters),
    }
    // With nothing left to release a dictionary may not have been looked at.
    if (left > 0) this.#phase = 'idle'
    return released
  }

  /** The workload of a node or pod in use is in use: the store needs it to define those again. */
  #beginToRelease(): void {
    const { nodes, pods } = this.#dictionaries
    for (let id = 0; id < nodes.idsMade; id++) {
      if (this.used.nodes.has(id)) this.used.workloads.add(nodes.value(id).workload)
    }
    for (let id = 0; id < pods.idsMade; id++) {
      if (this.used.pods.has(id)) this.used.workloads.add(pods.value(id).workload)
    }
    this.#phase = 'releasing'
  }
}

const NOTHING: Definitions['released'] = {
  workloads: [],
  nodes: [],
  destinations: [],
  pods: [],
  clusters: [],
}
