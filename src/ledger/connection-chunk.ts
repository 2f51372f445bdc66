/** Rows of a chunk: a power of two, so that a row number splits into chunk and offset by shifts. */
export const CHUNK_BITS = 14
const CHUNK_ROWS = 1 << CHUNK_BITS
export const CHUNK_MASK = CHUNK_ROWS - 1

/**
 * A block of connection rows as columns: 133 bytes a row, plus the table's index. Chunks are added
 * when needed and never copied, so that growing stalls nobody (one array doubled at 64 MB would).
 */
export class ConnectionChunk {
  /** Identity, four words a row. */
  readonly identity = new Int32Array(CHUNK_ROWS * 4)
  /** A `RowState`. */
  readonly state = new Uint8Array(CHUNK_ROWS)
  readonly kind = new Uint8Array(CHUNK_ROWS)
  readonly identityKind = new Uint8Array(CHUNK_ROWS)
  /** A `Meter`: which counters this connection is read by. */
  readonly meter = new Uint8Array(CHUNK_ROWS)
  /** Bits of `RowFlag`. */
  readonly flags = new Uint8Array(CHUNK_ROWS)
  readonly node = new Int32Array(CHUNK_ROWS)
  readonly workload = new Int32Array(CHUNK_ROWS)
  readonly destination = new Int32Array(CHUNK_ROWS)
  readonly cluster = new Int32Array(CHUNK_ROWS)
  readonly address = new Int32Array(CHUNK_ROWS * 4)
  readonly port = new Uint16Array(CHUNK_ROWS)
  readonly startMs = new Float64Array(CHUNK_ROWS)
  /** Moment of the last sample that moved the span: where the next span starts. */
  readonly momentMs = new Float64Array(CHUNK_ROWS)
  readonly previousSpanStartMs = new Float64Array(CHUNK_ROWS)
  readonly previousSpanEndMs = new Float64Array(CHUNK_ROWS)
  readonly lastDeltaBytes = new Float64Array(CHUNK_ROWS)
  readonly lastArrivalMs = new Float64Array(CHUNK_ROWS)
  readonly lastLedgerMs = new Float64Array(CHUNK_ROWS)
  readonly upload = new Float64Array(CHUNK_ROWS)
  readonly download = new Float64Array(CHUNK_ROWS)
  /** Next row in the queue of tombstones (or of free rows), -1 = last. */
  readonly next = new Int32Array(CHUNK_ROWS)
}

/** Bytes of memory of one chunk. */
export function chunkBytes(chunk: ConnectionChunk): number {
  let bytes = 0
  for (const column of Object.values(chunk) as { readonly byteLength: number }[]) {
    bytes += column.byteLength
  }
  return bytes
}

/**
 * The life of a row in memory.
 *
 *   free ─▶ waiting ─▶ open ◀──▶ orphaned
 *              │         │           │
 *              └────────▶└▶ closed ◀─┘      (closed = tombstone; it never opens again)
 */
export const RowState = {
  free: 0,
  /** Seen, but without a name, a cluster or bytes: nothing is booked and nothing is stored yet. */
  waiting: 1,
  open: 2,
  orphaned: 3,
  closed: 4,
} as const

export const RowFlag = {
  /** Changed since the last cut. */
  dirty: 1,
  /** Part of the batch whose outcome is not known yet. */
  inFlight: 2,
} as const
