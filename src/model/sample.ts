/**
 * The connection sample: cumulative counters of a connection (or a request) at one moment, as the
 * decoder hands them to the ledger. Columns instead of objects, so that the hot path allocates
 * nothing per entry; one batch is filled, read and reset for every message.
 *
 * Direction is always the workload's: upload = workload to internet. The flip from Envoy's words
 * is made once, in the decoder.
 */

/** What an entry is about, after its type alone (design: rules of the ledger). */
export const SampleKind = { connection: 1, request: 2 } as const

/** How the 128-bit identity was made. */
export const IdentityKind = {
  /** No usable identity: such entries are counted as rejected and never become a sample. */
  none: 0,
  /** Envoy's stream id of a connection, a UUID: its 16 bytes, big-endian, in four words. */
  uuid: 1,
  /** First 128 bits of SHA-256 over a tagged identity (a request, an entry without stream id, a stream id that is no UUID). */
  hashed: 2,
} as const

/** Text id 0 is the absent text. */
export const NO_TEXT = 0
/** Marks an absent time or duration in a Float64 column. */
export const NO_TIME = -1
/** Marks a counter of a pair that the entry does not carry. A pair that it carries counts from 0. */
export const NO_COUNTER = -1
/** A counter above this is refused as `implausible_counter` (1 PiB on one connection). */
export const MAX_COUNTER = 2 ** 50

/**
 * A reusable batch of samples. Rows `0 … count-1` are valid until the next `reset()`.
 * Counters are exact integers in `0 … MAX_COUNTER` (or `NO_COUNTER`); times are unix milliseconds (fractions allowed
 * from Envoy's clock) or `NO_TIME`.
 */
export class SampleBatch {
  count = 0
  capacity: number
  kind: Uint8Array
  identityKind: Uint8Array
  /** Envoy's AccessLogType number. */
  entryType: Uint8Array
  /** 1 where the entry closes its connection or request. */
  final: Uint8Array
  /** Identity, four words a row: row i is `identity[4*i … 4*i+3]`. */
  identity: Int32Array
  startMs: Float64Array
  /** `NO_TIME` too where the end that it says is not believed: then the arrival counts. */
  durationMs: Float64Array
  /** When it began, as far as the sender's clock is believed: `startMs` or what stands for it. */
  beganMs: Float64Array
  /** `upstream_wire_bytes_sent` / `_received`. */
  wireUpload: Float64Array
  wireDownload: Float64Array
  /** `received_bytes` / `sent_bytes`, for HTTP entries header plus body bytes; `NO_COUNTER` where absent. */
  plainUpload: Float64Array
  plainDownload: Float64Array
  /** Text ids of the decoder's interner; `NO_TEXT` where absent. */
  sni: Int32Array
  cluster: Int32Array
  authority: Int32Array
  /** Upstream IP, IPv4 as IPv4-mapped IPv6, four words a row, all 0 where absent or no IP. */
  address: Int32Array
  port: Uint16Array
  /** Text id of who opened it (see `model/peer.ts`); written on streams that report peers only. */
  peer: Int32Array
  /** 1 where the SNI is of a TLS session that a proxy of the mesh opened and this one ended. */
  meshTls: Uint8Array
  /** Of few rows: the identity that a file of before may have. */
  readonly #before = new Map<number, Uint8Array>()

  constructor(capacity = 256) {
    this.capacity = capacity
    this.kind = new Uint8Array(capacity)
    this.identityKind = new Uint8Array(capacity)
    this.entryType = new Uint8Array(capacity)
    this.final = new Uint8Array(capacity)
    this.identity = new Int32Array(capacity * 4)
    this.startMs = new Float64Array(capacity)
    this.durationMs = new Float64Array(capacity)
    this.beganMs = new Float64Array(capacity)
    this.wireUpload = new Float64Array(capacity)
    this.wireDownload = new Float64Array(capacity)
    this.plainUpload = new Float64Array(capacity)
    this.plainDownload = new Float64Array(capacity)
    this.sni = new Int32Array(capacity)
    this.cluster = new Int32Array(capacity)
    this.authority = new Int32Array(capacity)
    this.address = new Int32Array(capacity * 4)
    this.port = new Uint16Array(capacity)
    this.peer = new Int32Array(capacity)
    this.meshTls = new Uint8Array(capacity)
  }

  reset(): void {
    this.count = 0
    if (this.#before.size > 0) this.#before.clear()
  }

  /** The identity (16 bytes) that the row's connection had while its node was not known; see `DecodeStream.before`. */
  before(i: number): Uint8Array | undefined {
    return this.#before.size === 0 ? undefined : this.#before.get(i)
  }

  setBefore(i: number, key: Uint8Array): void {
    this.#before.set(i, key)
  }

  /** Appends a row of another batch. */
  append(other: SampleBatch, i: number): void {
    this.reserve()
    const row = this.count++
    this.kind[row] = other.kind[i] as number
    this.identityKind[row] = other.identityKind[i] as number
    this.entryType[row] = other.entryType[i] as number
    this.final[row] = other.final[i] as number
    this.startMs[row] = other.startMs[i] as number
    this.durationMs[row] = other.durationMs[i] as number
    this.beganMs[row] = other.beganMs[i] as number
    this.wireUpload[row] = other.wireUpload[i] as number
    this.wireDownload[row] = other.wireDownload[i] as number
    this.plainUpload[row] = other.plainUpload[i] as number
    this.plainDownload[row] = other.plainDownload[i] as number
    this.sni[row] = other.sni[i] as number
    this.cluster[row] = other.cluster[i] as number
    this.authority[row] = other.authority[i] as number
    this.port[row] = other.port[i] as number
    this.peer[row] = other.peer[i] as number
    this.meshTls[row] = other.meshTls[i] as number
    for (let word = 0; word < 4; word++) {
      this.identity[row * 4 + word] = other.identity[i * 4 + word] as number
      this.address[row * 4 + word] = other.address[i * 4 + word] as number
    }
  }

  /** Its rows in a batch of their own, which has no room for more. */
  copy(): SampleBatch {
    const copy = new SampleBatch(this.count)
    for (const name of Object.keys(copy) as (keyof SampleBatch)[]) {
      const column = copy[name]
      if (!ArrayBuffer.isView(column)) continue
      const source = this[name] as Uint8Array
      ;(column as Uint8Array).set(source.subarray(0, (column as Uint8Array).length))
    }
    copy.count = this.count
    return copy
  }

  /** Makes room for one row beyond `count`; doubles the columns where there is none. */
  reserve(): void {
    if (this.count < this.capacity) return
    const bigger = new SampleBatch(this.capacity * 2)
    for (const name of Object.keys(bigger) as (keyof SampleBatch)[]) {
      const column = bigger[name]
      if (ArrayBuffer.isView(column)) (column as Uint8Array).set(this[name] as Uint8Array)
    }
    const { count } = this
    Object.assign(this, bigger)
    this.count = count
  }
}
