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
import { NO_SENDER } from '../runtime/sender-slots.ts'
import { Dictionary } from './dictionary.ts'
import { IdSweep, makeUsedIds, type UsedIdsWalk } from './id-sweep.ts'
import { NameBudget, type NameBudgetConfig } from './name-budget.ts'
import { isSameNode, isUnknownNode } from './node-binding.ts'
import { podOfPeer, sourceOfNode, sourceOfPeer } from './peer-source.ts'
import { SessionPods } from './session-pods.ts'

/**
 * Envoys and workloads known at one time, and new ones of a day, shared out among senders. A mesh of 100,000 pods is far
 * beyond what one receiver takes; beyond its share a sender that invents node ids becomes the unknown
 * source instead of memory.
 */
const MAX_NODES = 100_000
/** Distinct `upstream_cluster` names kept for the `connections` view; beyond it the column is empty. */
const MAX_CLUSTERS = 20_000
/** Values in all dictionaries below which a sweep at a new day is not worth its time. */
const SWEEP_ABOVE = 10_000
/** A pool that is fuller than this is swept without waiting for a new day. */
const NEARLY_FULL = 0.75
/** Time between two sweeps at least, ms. */
const SWEEP_EVERY_MS = 60_000

const OTHER_WORKLOAD: Workload = { cluster: '', namespace: '', kind: 'unknown', name: OTHER_NAME }

/** Texts of the decoder's interner. */
export interface TextTable {
  text(id: number): string
}

/**
 * Session ids of everything that usage and connections refer to, within the name budgets. One
 * writing process has one of these; the store maps its ids to the file's.
 */
export class SessionIdentities {
  readonly budget: NameBudget
  /** Hops are not billed, so their names (an ingress gateway's scanners) must not use up names that are. */
  readonly hopBudget: NameBudget
  readonly pods: SessionPods
  /** Values that found no room: nodes become the unknown source, workloads `__other__`, clusters ''. */
  readonly overflows = { nodes: 0, workloads: 0, clusters: 0 }
  readonly #texts: TextTable
  readonly #nodes = new Dictionary<{ readonly node: Node; readonly workload: number }>(0, MAX_NODES)
  readonly #workloads = new Dictionary<Workload>(0, MAX_NODES)
  /** Bounded by the name budgets. */
  readonly #destinations = new Dictionary<Destination>()
  /** Id 0 is the empty text. */
  readonly #clusters = new Dictionary<string>(1, MAX_CLUSTERS)
  readonly #sweep: IdSweep
  #nowMs = 0
  #sweptMs = Number.NEGATIVE_INFINITY
  /** Ids by object: the resolver gives back the same object for the same name, so no key is built. */
  #destinationIds = new Map<Destination, number>()
  #newDay = false

  /** `podsPerHour`: pairs of pod and name that a lone sender may have in an hour. */
  constructor(budget: NameBudgetConfig, texts: TextTable, podsPerHour = 0) {
    this.budget = new NameBudget(budget)
    this.hopBudget = new NameBudget(budget)
    const used = makeUsedIds()
    this.pods = new SessionPods(podsPerHour, used.pods)
    this.#sweep = new IdSweep(
      {
        nodes: this.#nodes,
        workloads: this.#workloads,
        destinations: this.#destinations,
        pods: this.pods.dictionary,
        clusters: this.#clusters,
      },
      used,
    )
    this.#texts = texts
  }

  get sizes(): Readonly<
    Record<'nodes' | 'workloads' | 'destinations' | 'pods' | 'clusters', number>
  > {
    return {
      nodes: this.#nodes.size,
      workloads: this.#workloads.size,
      destinations: this.#destinations.size,
      pods: this.pods.dictionary.size,
      clusters: this.#clusters.size,
    }
  }

  /** The pools that senders share, by what they hold. */
  get pools(): Readonly<Record<string, { readonly refusals: number }>> {
    const ofWorkload = this.budget.workloadRefusals + this.hopBudget.workloadRefusals
    return {
      ...this.#shared,
      names: this.budget.names,
      pod_names: this.pods.budget.pairs,
      hop_names: this.hopBudget.names,
      names_of_workload: { refusals: ofWorkload },
      name_pairs: { refusals: this.budget.pairs.refusals + this.hopBudget.pairs.refusals },
    }
  }

  /** Ids of a node and of the workload beside it, as `sender` (see `Sender.key`) reports them. */
  node(node: Node, sender: string): { node: number; workload: number } {
    const key = nodeKey(node)
    const isNew = this.#nodes.find(key) === undefined
    if (isNew && node !== UNKNOWN_NODE && !this.#nodes.hasRoom(sender)) {
      this.overflows.nodes++
      return this.node(UNKNOWN_NODE, NO_SENDER)
    }
    return this.#internNode(key, node, this.workload(node.workload, sender), sender)
  }

  workload(workload: Workload, sender: string): number {
    const key = workloadKey(workload)
    const isNew = this.#workloads.find(key) === undefined
    if (isNew && workload !== UNKNOWN_NODE.workload && !this.#workloads.hasRoom(sender)) {
      this.overflows.workloads++
      return this.#internWorkload(workloadKey(OTHER_WORKLOAD), OTHER_WORKLOAD, NO_SENDER)
    }
    return this.#internWorkload(key, workload, sender)
  }

  /** Ids of a node and of the workload and pod that its connections belong to unless they say another. */
  source(node: Node, sender: string): { node: number; workload: number; pod: number } {
    const { node: id } = this.node(node, sender)
    const known = this.nodeOf(id)
    const workload = this.workload(sourceOfNode(known), sender)
    return { node: id, workload, pod: this.pods.of(workload, known.pod, sender) }
  }

  /** The node that an id stands for: the same object as long as it does. */
  nodeOf(id: number): Node {
    return this.#nodes.value(id).node
  }

  /** See `Identities` of the ledger. */
  claim(owner: number, { node, reporter }: { node: number; reporter: Node }): number {
    const known = this.nodeOf(owner)
    if (isSameNode(known, reporter)) return owner
    return isUnknownNode(known) ? node : -1
  }

  peerWorkload(peer: number, node: number, sender: string): number {
    if (peer === NO_TEXT) return -1
    const workload = sourceOfPeer(this.#texts.text(peer), this.nodeOf(node))
    return workload === undefined ? -1 : this.workload(workload, sender)
  }

  peerPod(peer: number, workload: number, sender: string): number {
    return this.pods.of(workload, podOfPeer(this.#texts.text(peer)), sender)
  }

  budgetedPod(pod: number, destination: number, sender: string): number {
    return this.pods.budgeted(pod, destination, sender)
  }

  /** Id of a destination without asking the budget: for rows that the file already has. */
  destination(destination: Destination): number {
    const id = this.#destinations.intern(destinationKey(destination), destination)
    this.#sweep.used.destinations.add(id)
    return id
  }

  budgetedDestination(
    workload: number,
    destination: Destination,
    hop: boolean,
    sender: string,
  ): number {
    const budget = hop ? this.hopBudget : this.budget
    const cached = this.#destinationIds.get(destination)
    if (cached !== undefined && budget.knows(workload, cached)) {
      this.#sweep.used.destinations.add(cached)
      return cached
    }
    const id = cached ?? this.#destinations.find(destinationKey(destination))
    if (isReserved(destination)) return this.#remember(destination)
    if (id !== undefined && budget.knows(workload, id)) {
      this.#sweep.used.destinations.add(id)
      this.#cache(destination, id)
      return id
    }
    if (!budget.hasRoom(workload, id, sender)) {
      return this.destination({ name: OTHER_NAME, nameSource: destination.nameSource })
    }
    const made = this.#remember(destination)
    budget.add(workload, made, sender)
    return made
  }

  otherDestination(): number {
    return this.destination({ name: OTHER_NAME, nameSource: 'none' })
  }

  cluster(text: number, sender: string): number {
    const name = this.#texts.text(text)
    if (name === '') return 0
    if (this.#clusters.find(name) === undefined && !this.#clusters.hasRoom(sender)) {
      this.overflows.clusters++
      return 0
    }
    return this.#internCluster(name, sender)
  }

  /** Rows of the file keep what they refer to, whatever room there is: their number is bounded. */
  ofStored(stored: StoredConnection): {
    node: number
    workload: number
    pod: number
    destination: number
    cluster: number
  } {
    const { node, upstreamCluster } = stored
    const beside = this.#internWorkload(workloadKey(node.workload), node.workload, NO_SENDER)
    const workload = this.#internWorkload(workloadKey(stored.workload), stored.workload, NO_SENDER)
    return {
      node: this.#internNode(nodeKey(node), node, beside, NO_SENDER).node,
      workload,
      pod: this.pods.ofStored(workload, stored.pod ?? this.#podBefore(stored)),
      destination: this.destination(stored.destination),
      cluster: upstreamCluster === '' ? 0 : this.#internCluster(upstreamCluster, NO_SENDER),
    }
  }

  /** The pod of a row of before pods were kept: the node's where the row is booked to the node's workload. */
  #podBefore({ node, workload }: StoredConnection): string {
    return workloadKey(sourceOfNode(node)) === workloadKey(workload) ? node.pod : ''
  }

  /** Counts a name that the file says was used today, so that a restart does not renew the budget. */
  seed(workload: Workload, destination: Destination): void {
    if (isReserved(destination)) return
    const id = this.#internWorkload(workloadKey(workload), workload, NO_SENDER)
    const cached = this.#destinationIds.get(destination)
    this.budget.add(id, cached ?? this.#remember(destination), undefined)
  }

  /** Takes the time: at a new UTC day the budgets begin again and unused ids may go. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs
    this.hopBudget.advance(nowMs)
    this.pods.budget.advance(nowMs)
    if (!this.budget.advance(nowMs)) return
    this.#newDay = true
    for (const dictionary of Object.values(this.#shared)) dictionary.newDay()
  }

  /** The wall clock was set. */
  stepTo(nowMs: number): void {
    this.budget.stepTo(nowMs)
    this.hopBudget.stepTo(nowMs)
    this.pods.budget.stepTo(nowMs)
    this.#sweptMs = Number.NEGATIVE_INFINITY
  }

  /**
   * What the store must know with the next batch. On a new day, and when a pool is nearly full, ids that
   * neither `walk` nor today's names refer to are released, a part at every cut.
   */
  cut(walk: UsedIdsWalk): Definitions {
    const definitions = {
      workloads: this.#workloads
        .takeDefinitions()
        .map(({ id, value }) => ({ id, workload: value })),
      nodes: this.#nodes.takeDefinitions().map(({ id, value }) => ({ id, ...value })),
      destinations: this.#destinations
        .takeDefinitions()
        .map(({ id, value }) => ({ id, destination: value })),
      pods: this.pods.dictionary.takeDefinitions().map(({ id, value }) => ({ id, ...value })),
      clusters: this.#clusters.takeDefinitions().map(({ id, value }) => ({ id, text: value })),
    }
    return { ...definitions, released: this.#release(walk) }
  }

  /** The last cut is in the file. */
  committed(): void {
    this.#nodes.committed()
    this.#workloads.committed()
    this.#destinations.committed()
    this.pods.dictionary.committed()
    this.#clusters.committed()
  }

  #release(walk: UsedIdsWalk): Definitions['released'] {
    if (this.#sweep.isIdle && this.#isSweepDue()) {
      this.#newDay = false
      this.#sweptMs = this.#nowMs
      this.#sweep.begin(walk)
      const { used } = this.#sweep
      for (const budget of [this.budget, this.hopBudget]) {
        for (const id of budget.workloads()) used.workloads.add(id)
        for (const id of budget.destinations()) used.destinations.add(id)
      }
      for (const id of this.pods.budget.pods()) used.pods.add(id)
    }
    const released = this.#sweep.step(walk)
    if (released.destinations.length > 0) this.#destinationIds = new Map()
    return released
  }

  get #shared(): Readonly<
    Record<'nodes' | 'workloads' | 'pods' | 'clusters', Dictionary<unknown>>
  > {
    return {
      nodes: this.#nodes,
      workloads: this.#workloads,
      pods: this.pods.dictionary,
      clusters: this.#clusters,
    }
  }

  #isSweepDue(): boolean {
    const sizes = Object.values(this.sizes).reduce((sum, size) => sum + size, 0)
    if (this.#newDay && sizes >= SWEEP_ABOVE) return true
    if (this.#nowMs - this.#sweptMs < SWEEP_EVERY_MS) return false
    return Object.values(this.#shared).some(({ fill }) => fill >= NEARLY_FULL)
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

  // Every id that is handed out is marked: a sweep under way must not take it back.

  #internNode(
    key: string,
    node: Node,
    workload: number,
    sender: string,
  ): { node: number; workload: number } {
    const id = this.#nodes.intern(key, { node, workload }, sender)
    this.#sweep.used.nodes.add(id)
    this.#sweep.used.workloads.add(this.#nodes.value(id).workload)
    return { node: id, workload }
  }

  #internWorkload(key: string, workload: Workload, sender: string): number {
    const id = this.#workloads.intern(key, workload, sender)
    this.#sweep.used.workloads.add(id)
    return id
  }

  #internCluster(name: string, sender: string): number {
    const id = this.#clusters.intern(name, name, sender)
    this.#sweep.used.clusters.add(id)
    return id
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
