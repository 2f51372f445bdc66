/** Rows of a chunk: a power of two, so that a row number splits into chunk and offset by shifts. */
export const CHUNK_BITS = 14
const CHUNK_ROWS = 1 << CHUNK_BITS
export const CHUNK_MASK = CHUNK_ROWS - 1

/**
 * A row is 136 bytes in two arrays, field beside field: reading or updating one touches three or four
 * cache lines. As one array per field it touched sixteen, and took the largest part of the ledger's
 * time once a hundred thousand connections were open.
 */
export const WORDS = 16
/** Offsets in the 16 words of a row; word 12 holds its pairs of bytes, words 14 and 15 its bytes. */
export const Word = {
  /** Identity, four words. */
  identity: 0,
  /** Upstream IP, four words. */
  address: 4,
  node: 8,
  workload: 9,
  destination: 10,
  cluster: 11,
  /** Next row in the queue of tombstones (or of free rows), -1 = last. */
  next: 13,
} as const

/** The words of a row as bytes. */
export const BYTES = WORDS * 4
export const Byte = {
  /** A `RowState`. */
  state: 56,
  /** Bits of `RowFlag`. */
  flags: 57,
  kind: 58,
  identityKind: 59,
  /** A `Meter`: which counters this connection is read by. */
  meter: 60,
  /** Bits 16 to 23 of the pod (see `podOf`). */
  podHigh: 61,
} as const

/** The words of a row as pairs of bytes. */
export const HALVES = WORDS * 2
export const Half = {
  /** Upstream port. */
  port: 24,
  /** Slot of the sender that the row counts for (`SenderSlots`); 0 = not known. */
  sender: 25,
  /** Bits 0 to 15 of the pod. */
  podLow: 31,
} as const

export const NUMBERS = 9
/** Offsets in the 9 doubles of a row. */
export const Num = {
  upload: 0,
  download: 1,
  /** Moment of the last sample that moved the span: where the next span starts. */
  momentMs: 2,
  lastDeltaBytes: 3,
  lastArrivalMs: 4,
  lastLedgerMs: 5,
  previousSpanStartMs: 6,
  previousSpanEndMs: 7,
  startMs: 8,
} as const

/**
 * A block of connection rows. Chunks are added when needed and never copied, so that growing stalls
 * nobody (one array doubled at 64 MB would).
 */
export class ConnectionChunk {
  readonly words = new Int32Array(CHUNK_ROWS * WORDS)
  readonly bytes = new Uint8Array(this.words.buffer)
  readonly halves = new Uint16Array(this.words.buffer)
  readonly numbers = new Float64Array(CHUNK_ROWS * NUMBERS)
}

/**
 * Session id of the pod that a row's bytes belong to, of 24 bits: pods that have an id are far fewer. With a word
 * more a row would lie in two cache lines.
 */
export function podOf(c: ConnectionChunk, o: number): number {
  const high = c.bytes[o * BYTES + Byte.podHigh] as number
  return (high << 16) | (c.halves[o * HALVES + Half.podLow] as number)
}

export function setPod(c: ConnectionChunk, o: number, pod: number): void {
  c.halves[o * HALVES + Half.podLow] = pod & 0xffff
  c.bytes[o * BYTES + Byte.podHigh] = pod >>> 16
}

/** Bytes of memory of one chunk. */
export const CHUNK_BYTES = CHUNK_ROWS * (WORDS * 4 + NUMBERS * 8)

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
  /** Its bytes are hop bytes; set once, when source and destination are. */
  hop: 4,
  /** Waiting for its cluster, without which nobody knows whether it is a hop. */
  undecided: 8,
  /** Samples of it wait for the end of their message, which may hold a better name. */
  deferred: 16,
  /** Since it is in memory the file was asked about its id: the file has no other node's row of it. */
  asked: 32,
} as const
