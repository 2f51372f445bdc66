/** Bounds and ages of the ledger. Ages run on the ledger clock (see `LedgerClock`). */
export interface LedgerConfig {
  /** Open connections at most; a quarter more rows are kept for tombstones and finals. */
  readonly maxConnections: number
  /** Tombstones of requests at most. */
  readonly maxRequests: number
  /** The mesh's flush interval, ms: how often a living connection speaks. */
  readonly flushIntervalMs: number
}

/** How long a tombstone stays in memory, ms. After that the file remembers it. */
export const TOMBSTONE_MS = 10 * 60_000
/** An orphan stays in memory this long after it was orphaned, ms. */
export const ORPHAN_MEMORY_MS = 10 * 60_000

/** Silence after which a connection is orphaned: three flush intervals, at least five minutes. */
export function orphanAfterMs(config: LedgerConfig): number {
  return Math.max(3 * config.flushIntervalMs, 5 * 60_000)
}
