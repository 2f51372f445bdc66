import type { Destination } from './destination.ts'
import type { Node, Workload } from './source.ts'

/** Life of a connection row, as the file stores it. */
export const ConnectionState = { open: 1, closed: 2, orphaned: 3 } as const

/**
 * Which pair of counters a connection is read by; chosen at its first sample, never changed. By `wire`
 * a connection never counts more than the plain pair says, where an entry carries both.
 */
export const Meter = { wire: 1, plain: 2 } as const

/**
 * A connection row as the file gives it back (at start, and for ids that memory has forgotten).
 * `key` is the 16-byte identity, `kind` a `SampleKind`, times unix ms, counters exact integers.
 */
export interface StoredConnection {
  readonly key: Uint8Array
  readonly kind: number
  readonly identityKind: number
  readonly meter: number
  readonly state: number
  readonly node: Node
  /** What the connection is booked to; fixed when it was first attributed. */
  readonly workload: Workload
  /** The pod of the workload, fixed with it; undefined in rows of a file from before pods were kept. */
  readonly pod?: string | undefined
  readonly destination: Destination
  readonly upstreamCluster: string
  /** Upstream IP as IPv4-mapped IPv6 words, all 0 = none. */
  readonly address: readonly [number, number, number, number]
  readonly port: number
  readonly startMs: number
  /** The moment of the last sample: the start of the next span. */
  readonly momentMs: number
  readonly previousSpanStartMs: number
  readonly previousSpanEndMs: number
  readonly lastDeltaBytes: number
  readonly lastArrivalMs: number
  readonly lastLedgerMs: number
  readonly upload: number
  readonly download: number
  /** Another proxy of the mesh is billed for these bytes; fixed when it was first attributed. */
  readonly hop: boolean
}
