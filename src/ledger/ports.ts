import type { StoredConnection } from '../model/connection.ts'
import type { Destination } from '../model/destination.ts'
import type { SampleBatch } from '../model/sample.ts'
import type { Node } from '../model/source.ts'

/** What the ledger needs to know of the stream that a sample came on. */
export interface SampleOrigin {
  /** Session ids of the node that sent it and of the workload that its bytes belong to. */
  readonly node: number
  readonly workload: number
  /** Session id of the pod of that workload. */
  readonly pod: number
  /** Who opened the stream, as budgets know it (`Sender.key`). */
  readonly sender: string
  /** The node as the stream's identifier says it, also where no session id was left for it. */
  readonly reporter: Node
  /** Envoy's release, major * 1000 + minor (1.40 = 1040); 0 = not told. */
  readonly envoyMinor: number
  readonly hops: HopRule
  /** Whether samples say who opened their connections; `workload` is for those that do not. */
  readonly reportsPeers: boolean
}

/**
 * Which connections of a stream are hops: bytes that another proxy of the mesh is billed for. All of
 * them, none, or those whose cluster is an egress gateway. Follows from the node and the
 * configuration alone, so that what arrives first decides nothing.
 */
export type HopRule = 'none' | 'all' | 'to_gateway'

/** Names of destinations, from a sample or, where no sample will come any more, from an address. */
export interface Names {
  resolve(batch: SampleBatch, row: number): Destination
  /** The sample's SNI as it was sent where it fails the check. */
  invalidSni(batch: SampleBatch, row: number): string | undefined
  /** Whether the sample's SNI or authority is a name that nothing better can come after. */
  isNamed(batch: SampleBatch, row: number): boolean
  /** Whether the sample's cluster names a host by itself. */
  hasClusterHost(batch: SampleBatch, row: number): boolean
  /** Whether the sample's cluster is one of the configured egress gateways. */
  isToGateway(batch: SampleBatch, row: number): boolean
  ofAddress(w0: number, w1: number, w2: number, w3: number): Destination
}

/** Session ids for what a row refers to. */
export interface Identities {
  /** Id of the workload that a peer text names (see `model/peer.ts`); -1 where it names none. */
  peerWorkload(peer: number, node: number, sender: string): number
  /** Id of the pod that a peer text names, of the workload that it names; that of the empty text where it names none. */
  peerPod(peer: number, workload: number, sender: string): number
  /** The pod, or `__other__` of its workload where the sender's share of pairs of pod and name is used up. */
  budgetedPod(pod: number, destination: number, sender: string): number
  /** Id of a destination within the name budgets of a workload; beyond them the id of `__other__`. */
  budgetedDestination(
    workload: number,
    destination: Destination,
    hop: boolean,
    sender: string,
  ): number
  /** Id of `__other__`, for bytes of connections that found no room. */
  otherDestination(): number
  /** Id of the `upstream_cluster` with this text id of the decoder's interner. */
  cluster(text: number, sender: string): number
  /**
   * Which node a connection of node `owner` belongs to once this stream reports it: its owner, where
   * that is the same Envoy; the reporter, where the owner is unknown; -1 where it is another's.
   */
  claim(owner: number, origin: Pick<SampleOrigin, 'node' | 'reporter'>): number
  /** Ids of what a stored row refers to, made anew where they are not known in this process. */
  ofStored(stored: StoredConnection): StoredIds
}

export interface StoredIds {
  readonly node: number
  readonly workload: number
  readonly pod: number
  readonly destination: number
  readonly cluster: number
}

/** Where deltas go. Moments are whole unix ms. */
export interface Bookings {
  /** Who reports what is booked next (`Sender.key`). */
  sender: string
  opened(workload: number, pod: number, destination: number, ms: number): void
  closed(workload: number, pod: number, destination: number, ms: number): void
  book(
    workload: number,
    pod: number,
    destination: number,
    upload: number,
    download: number,
    startMs: number,
    endMs: number,
  ): void
}

/** What gives away how a node is set up; see `attribution/node-observations.ts`. */
export interface Observations {
  /** A connection was attributed; `isNamed` is false where only its address is known, or nothing. */
  attributed(node: number, isNamed: boolean): void
  /** An end that had been told already. */
  endedAgain(node: number): void
  /** A connection went silent without an end. */
  orphaned(node: number): void
  /** The node reported a connection that belongs to another node. */
  reportedOthers(node: number): void
}

/** Takes the SNIs that fail the check. */
export interface InvalidSniTally {
  /**
   * Once per connection or request that was sent with such an SNI, when its name is fixed; its identity is at
   * `words[at]`.
   */
  note(words: Int32Array, at: number, kind: number, text: string, sender: string): void
  /** What was noted of one identity is another's (16 bytes each). */
  moved(from: Uint8Array, to: Uint8Array): void
}

/** What is known about how complete a node's reports are. */
export interface CoverageTally {
  seen(node: number): void
  closed(node: number): void
  /** Bytes, both ways, that are billed elsewhere. */
  hop(node: number, bytes: number): void
  /** Refuses one entry of the node; `reason` is an index of `REJECT_REASONS`. */
  rejected(node: number, reason: number): void
}
