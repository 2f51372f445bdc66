import type { Definitions } from '../model/batch.ts'
import type { StoredConnection } from '../model/connection.ts'
import {
  type Destination,
  INVALID_NAME,
  type NameSource,
  OTHER_NAME,
} from '../model/destination.ts'
import { NO_TEXT } from '../model/sample.ts'
import { type Node, UNKNOWN_NODE, type Workload } from '../model/source.ts'
import { Dictionary } from './dictionary.ts'
import { NameBudget, type NameBudgetConfig } from './name-budget.ts'
import { sourceOfNode, sourceOfPeer } from './peer-source.ts'

/**
 * Envoys and workloads known at one time. A mesh of 100,000 pods is far beyond what one receiver
 * takes; beyond it a sender that invents node ids becomes the unknown source instead of memory.
 */
const MAX_NODES = 100_000
/** Distinct `upstream_cluster` names kept for the `connections` view; beyond it the column is empty. */
const MAX_CLUSTERS = 20_000
/** Values in all dictionaries below which a sweep is not worth its time. */
const SWEEP_ABOVE = 10_000

const OTHER_WORKLOAD: Workload = { cluster: '', namespace: '', kind: 'unknown', name: OTHER_NAME }

/** Texts of the decoder's interner. */
export interface TextTable {
  text(id: number): string
}

/** Session ids that something outside still refers to, by dictionary. */
export interface UsedIds {
  readonly nodes: Set<number>
  readonly workloads: Set<number>
  readonly destinations: Set<number>
  readonly clusters: Set<number>
}

/**
 * Session ids of everything that usage and connections refer to, within the name budgets. One
 * writing process has one of these; the store maps its ids to the file's.
 */
export class SessionIdentities {
  readonly budget: NameBudget
  /** Hops are not billed, so their names (an ingress gateway's scanners) must not use up names that are. */
  readonly hopBudget: NameBudget
  /** Values that found no room: nodes become the unknown source, workloads `__other__`, clusters ''. */
  readonly overflows = { nodes: 0, workloads: 0, clusters: 0 }
  readonly #texts: TextTable
  readonly #nodes = new Dictionary<{ readonly node: Node; readonly workload: number }>()
  readonly #workloads = new Dictionary<Workload>()
  readonly #destinations = new Dictionary<Destination>()
  /** Id 0 is the empty text. */
  readonly #clusters = new Dictionary<string>(1)
  /** Ids by object: the resolver gives back the same object for the same name, so no key is built. */
  #destinationIds = new Map<Destination, number>()
  #newDay = false

  constructor(budget: NameBudgetConfig, texts: TextTable) {
    this.budget = new NameBudget(budget)
    this.hopBudget = new NameBudget(budget)
    this.#texts = texts
  }

  get sizes(): { nodes: number; workloads: number; destinations: number; clusters: number } {
    return {
      nodes: this.#nodes.size,
      workloads: this.#workloads.size,
      destinations: this.#destinations.size,
      clusters: this.#clusters.size,
    }
  }

  /** Ids of a node and of the workload beside it. */
  node(node: Node): { node: number; workload: number } {
    const known = this.#nodes.find(nodeKey(node))
    if (known === undefined && this.#nodes.size >= MAX_NODES && node !== UNKNOWN_NODE) {
      this.overflows.nodes++
      return this.node(UNKNOWN_NODE)
    }
    const workload = this.workload(node.workload)
    const id = this.#nodes.intern(nodeKey(node), { node, workload })
    return { node: id, workload }
  }

  workload(workload: Workload): number {
    const key = workloadKey(workload)
    const known = this.#workloads.find(key)
    if (known !== undefined) return known
    if (this.#workloads.size >= MAX_NODES) {
      this.overflows.workloads++
      return this.#workloads.intern(workloadKey(OTHER_WORKLOAD), OTHER_WORKLOAD)
    }
    return this.#workloads.intern(key, workload)
  }

  /** Ids of a node and of the workload that its connections belong to unless they say another. */
  source(node: Node): { node: number; workload: number } {
    const { node: id } = this.node(node)
    return { node: id, workload: this.workload(sourceOfNode(this.nodeOf(id))) }
  }

  /** The node that an id stands for: the same object as long as it does. */
  nodeOf(id: number): Node {
    return this.#nodes.value(id).node
  }

  peerWorkload(peer: number, node: number): number {
    if (peer === NO_TEXT) return -1
    const workload = sourceOfPeer(this.#texts.text(peer), this.nodeOf(node))
    return workload === undefined ? -1 : this.workload(workload)
  }

  /** Id of a destination without asking the budget: for rows that the file already has. */
  destination(destination: Destination): number {
    return this.#destinations.intern(destinationKey(destination), destination)
  }

  budgetedDestination(workload: number, destination: Destination, hop: boolean): number {
    const budget = hop ? this.hopBudget : this.budget
    const cached = this.#destinationIds.get(destination)
    if (cached !== undefined && budget.knows(workload, cached)) return cached
    const id = cached ?? this.#destinations.find(destinationKey(destination))
    if (isReserved(destination)) return this.#remember(destination)
    if (id !== undefined && budget.knows(workload, id)) {
      this.#cache(destination, id)
      return id
    }
    if (!budget.hasRoom(workload, id)) {
      return this.destination({ name: OTHER_NAME, nameSource: destination.nameSource })
    }
    const made = this.#remember(destination)
    budget.add(workload, made)
    return made
  }

  otherDestination(): number {
    return this.destination({ name: OTHER_NAME, nameSource: 'none' })
  }

  cluster(text: number): number {
    const name = this.#texts.text(text)
    return name === '' ? 0 : this.#clusterNamed(name)
  }

  ofStored(stored: StoredConnection): {
    node: number
    workload: number
    destination: number
    cluster: number
  } {
    return {
      node: this.node(stored.node).node,
      workload: this.workload(stored.workload),
      destination: this.destination(stored.destination),
      cluster: stored.upstreamCluster === '' ? 0 : this.#clusterNamed(stored.upstreamCluster),
    }
  }

  /** Counts a name that the file says was used today, so that a restart does not renew the budget. */
  seed(workload: Workload, destination: Destination): void {
    if (isReserved(destination)) return
    this.budget.add(this.workload(workload), this.destination(destination))
  }

  /** Takes the time: at a new UTC day the budgets begin anew and unused ids may go. */
  advance(nowMs: number): void {
    this.hopBudget.advance(nowMs)
    if (!this.budget.advance(nowMs)) return
    this.#newDay = true
  }

  /**
   * What the store must be told with the next batch. On a new day, ids that neither `used()` nor
   * today's names refer to are released.
   */
  cut(used: () => UsedIds): Definitions {
    const definitions = {
      workloads: this.#workloads
        .takeDefinitions()
        .map(({ id, value }) => ({ id, workload: value })),
      nodes: this.#nodes.takeDefinitions().map(({ id, value }) => ({ id, ...value })),
      destinations: this.#destinations
        .takeDefinitions()
        .map(({ id, value }) => ({ id, destination: value })),
      clusters: this.#clusters.takeDefinitions().map(({ id, value }) => ({ id, text: value })),
    }
    return { ...definitions, released: this.#sweep(used) }
  }

  /** The last cut is in the file. */
  committed(): void {
    this.#nodes.committed()
    this.#workloads.committed()
    this.#destinations.committed()
    this.#clusters.committed()
  }

  #sweep(used: () => UsedIds): Definitions['released'] {
    const { nodes, workloads, destinations, clusters } = this.sizes
    if (!this.#newDay || nodes + workloads + destinations + clusters < SWEEP_ABOVE) {
      return { workloads: [], nodes: [], destinations: [], clusters: [] }
    }
    this.#newDay = false
    this.#destinationIds = new Map()
    const ids = used()
    for (const budget of [this.budget, this.hopBudget]) {
      for (const id of budget.workloads()) ids.workloads.add(id)
      for (const id of budget.destinations()) ids.destinations.add(id)
    }
    const released = this.#nodes.sweep((id) => ids.nodes.has(id))
    for (let id = 0; id < this.#nodes.idsMade; id++) {
      if (ids.nodes.has(id)) ids.workloads.add(this.#nodes.value(id).workload)
    }
    return {
      nodes: released,
      workloads: this.#workloads.sweep((id) => ids.workloads.has(id)),
      destinations: this.#destinations.sweep((id) => ids.destinations.has(id)),
      clusters: this.#clusters.sweep((id) => ids.clusters.has(id)),
    }
  }

  #remember(destination: Destination): number {
    const id = this.destination(destination)
    this.#cache(destination, id)
    return id
  }

  #cache(destination: Destination, id: number): void {
    if (this.#destinationIds.size > 65_536) this.#destinationIds = new Map()
    this.#destinationIds.set(destination, id)
  }

  #clusterNamed(name: string): number {
    const known = this.#clusters.find(name)
    if (known !== undefined) return known
    if (this.#clusters.size < MAX_CLUSTERS) return this.#clusters.intern(name, name)
    this.overflows.clusters++
    return 0
  }
}

/** Reserved names and `none` are few and must always find room. */
function isReserved(destination: Destination): boolean {
  return (
    destination.nameSource === 'none' ||
    destination.name === OTHER_NAME ||
    destination.name === INVALID_NAME
  )
}

function destinationKey(destination: { name: string; nameSource: NameSource }): string {
  return `${destination.nameSource} ${destination.name}`
}

function workloadKey(workload: Workload): string {
  return JSON.stringify([workload.cluster, workload.namespace, workload.kind, workload.name])
}

/** A node that comes back as another workload, pod or release is another node. */
function nodeKey(node: Node): string {
  return JSON.stringify([node.id, node.pod, node.envoyVersion, workloadKey(node.workload)])
}
