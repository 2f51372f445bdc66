/** The workload that opened a connection, as its node's metadata names it. Empty text = not known. */
export interface Workload {
  readonly cluster: string
  readonly namespace: string
  /** `Deployment`, `StatefulSet`, `Job`, `Pod`, … as the owner's kind says; `unknown` for the unknown source. */
  readonly kind: string
  readonly name: string
}

/** What kind of Envoy sends: the first part of Istio's node id. */
export type ProxyType = 'sidecar' | 'router' | 'waypoint' | 'unknown'

/** One Envoy: who it is, and the workload that it stands beside. */
export interface Node {
  /** Envoy's `node.id`; empty for streams that never said who they are. */
  readonly id: string
  readonly pod: string
  readonly proxyType: ProxyType
  readonly serviceAccount: string
  /** Envoy's build version, like `1.40.0`; empty = not told. */
  readonly envoyVersion: string
  readonly workload: Workload
}

/** The explicit source of streams whose first message had no (readable) identifier. */
export const UNKNOWN_NODE: Node = {
  id: '',
  pod: '',
  proxyType: 'unknown',
  serviceAccount: '',
  envoyVersion: '',
  workload: { cluster: '', namespace: '', kind: 'unknown', name: '__unknown__' },
}
