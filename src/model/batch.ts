import type { Destination } from './destination.ts'
import type { Node, Workload } from './source.ts'

/**
 * A batch: everything that changed between two cuts, as an immutable copy. The store applies it in
 * ONE transaction, once: it skips a sequence number that the file already has.
 *
 * Ids are session ids of the writing process, dense integers from 0. The store maps them to the
 * file's ids. A definition precedes (or is in the same batch as) the first use of its id; an id in
 * `released` is not used after this batch and may be defined anew in a later one.
 */
export interface StoreBatch {
  readonly sequence: number
  readonly clock: FileClock
  readonly definitions: Definitions
  readonly usage: UsageColumns
  readonly connections: ConnectionColumns
  readonly coverage: CoverageColumns
  /** SNIs that failed the check, of connections that are in the file or in this batch. */
  readonly invalidSnis?: readonly InvalidSni[]
  /** Rows of the file that get another identity, before those of this batch go in. */
  readonly renamed?: readonly Renamed[]
}

/** 16 bytes each. */
export interface Renamed {
  readonly from: Uint8Array
  readonly to: Uint8Array
}

/** An SNI that failed the check, as it was sent, escaped and bounded. */
export interface InvalidSni {
  /** The connection's 16 bytes. */
  readonly key: Uint8Array
  readonly text: string
}

/** The moments that the file remembers, in ms; they only grow, unless the wall clock was set (`stepped`). */
export interface FileClock {
  /** Sum of the steps between arrivals and ticks, each 0 … 60 s. Ages of connections run on it. */
  readonly ledgerMs: number
  /** The newest arrival or tick, unix ms. */
  readonly newestMs: number
  /** No minute row before this is ever made; rows before it may be compacted into hours. Unix ms. */
  readonly minutesFromMs: number
  /** Newest start among all connection rows ever committed (those of `farStarts` left out). */
  readonly newestStartMs: number
  /** Starts that were more than 8 days ahead of their arrival; undefined = none. */
  readonly farStarts?: FarStarts | undefined
  /** Since when these moments are of one clock, unix ms: rows with moments since then are as far off as it is. */
  readonly eraFromMs?: number
  /** Time since the machine started at `newestMs`, ms; 0 = not known (replay). */
  readonly uptimeMs?: number
  /** The wall clock was set since the last batch: `newestMs` may be before the file's. */
  readonly stepped?: boolean
  /** By how much, while this process ran, ms. */
  readonly steppedByMs?: number
}

/** First and last of them, unix ms. */
export interface FarStarts {
  readonly fromMs: number
  readonly toMs: number
}

export interface Definitions {
  readonly workloads: readonly { readonly id: number; readonly workload: Workload }[]
  readonly nodes: readonly { readonly id: number; readonly node: Node; readonly workload: number }[]
  readonly destinations: readonly { readonly id: number; readonly destination: Destination }[]
  readonly pods: readonly { readonly id: number; readonly pod: string; readonly workload: number }[]
  /** Envoy's `upstream_cluster` names, for the `connections` view. Id 0 is the empty text, never defined. */
  readonly clusters: readonly { readonly id: number; readonly text: string }[]
  readonly released: {
    readonly workloads: readonly number[]
    readonly nodes: readonly number[]
    readonly destinations: readonly number[]
    readonly pods: readonly number[]
    readonly clusters: readonly number[]
  }
}

/** Increments of usage. A (window, pod, destination) may occur in more than one row. */
export interface UsageColumns {
  readonly count: number
  /** Start of the window, unix ms, and its length in seconds. */
  readonly windowMs: Float64Array
  readonly windowSeconds: Int32Array
  readonly workload: Int32Array
  /** A pod of the workload. */
  readonly pod: Int32Array
  readonly destination: Int32Array
  /** Exact integers, 0 … 2^53-1. */
  readonly upload: Float64Array
  readonly download: Float64Array
  /** Part of upload + download whose span covered more than one window. */
  readonly estimated: Float64Array
  readonly opened: Int32Array
  readonly closed: Int32Array
  /** First and last moment of what is added, unix ms: `first_seen` and `last_seen` of the totals. */
  readonly firstMs: Float64Array
  readonly lastMs: Float64Array
}

/** Connection rows that changed, whole: the store replaces the row with this key. */
export interface ConnectionColumns {
  readonly count: number
  /** 16 bytes a row, big-endian words of the identity. */
  readonly key: Uint8Array
  readonly kind: Uint8Array
  readonly identityKind: Uint8Array
  readonly meter: Uint8Array
  readonly state: Uint8Array
  readonly node: Int32Array
  readonly workload: Int32Array
  readonly pod: Int32Array
  readonly destination: Int32Array
  readonly cluster: Int32Array
  /** Four words a row, IPv4-mapped IPv6; all 0 = none. */
  readonly address: Int32Array
  readonly port: Uint16Array
  readonly startMs: Float64Array
  readonly momentMs: Float64Array
  readonly previousSpanStartMs: Float64Array
  readonly previousSpanEndMs: Float64Array
  readonly lastDeltaBytes: Float64Array
  readonly lastArrivalMs: Float64Array
  readonly lastLedgerMs: Float64Array
  readonly upload: Float64Array
  readonly download: Float64Array
  /** Estimated lost tail in bytes while the row is orphaned, else 0. Never billed. */
  readonly lost: Float64Array
  /** 1 where another proxy of the mesh is billed for these bytes (`gateways.bill_at`). */
  readonly hop: Uint8Array
}

/** Increments of coverage per (window, node). */
export interface CoverageColumns {
  readonly count: number
  readonly windowMs: Float64Array
  readonly windowSeconds: Int32Array
  readonly node: Int32Array
  readonly entries: Float64Array
  readonly seen: Int32Array
  readonly closed: Int32Array
  /** Bytes, both ways, of connections that are hops: another proxy of the mesh is billed for them. */
  readonly hopBytes: Float64Array
  /** Rejected entries: row `i` of coverage has `reasons.length` counts at `rejected[i * reasons.length]`. */
  readonly reasons: readonly string[]
  readonly rejected: Float64Array
}
