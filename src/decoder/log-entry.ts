import { parseIpAddress } from './ip-address.ts'
import type { TextInterner } from './text-interner.ts'
import type { WireReader } from './wire-reader.ts'

/** Columns of `LogEntry.numbers`. Doubles live in a typed array: a property would box each new value. */
export const Column = {
  /** `upstream_wire_bytes_sent` / `_received`. */
  wireUpload: 0,
  wireDownload: 1,
  /** `connection_properties`: Envoy received = the workload's upload. */
  receivedBytes: 2,
  sentBytes: 3,
  requestHeadersBytes: 4,
  requestBodyBytes: 5,
  responseHeadersBytes: 6,
  responseBodyBytes: 7,
  startSeconds: 8,
  startNanos: 9,
  durationSeconds: 10,
  durationNanos: 11,
} as const

/**
 * What is read of one log entry, reused from entry to entry. Fields are matched by their full tag
 * (number and wire type): a field that changed its type in some release is skipped, never misread.
 * A message that occurs twice is merged, as protobuf says: the last word on each field wins.
 * Field numbers: envoy/data/accesslog/v3/accesslog.proto (see `proto/als.proto`).
 */
export class LogEntry {
  type = 0
  intermediate = false
  hasStart = false
  hasDuration = false
  /** Unsigned integers as on the wire, by `Column`; 0 where absent. A negative one is above 2^63. */
  readonly numbers = new Float64Array(12)
  sni = 0
  cluster = 0
  authority = 0
  port = 0
  readonly address = new Int32Array(4)
  /** Ranges in the message, for identities; empty (0, 0) where absent. */
  streamIdStart = 0
  streamIdEnd = 0
  remoteStart = 0
  remoteEnd = 0
  localStart = 0
  localEnd = 0
  readonly #reader: WireReader
  readonly #texts: TextInterner

  constructor(reader: WireReader, texts: TextInterner) {
    this.#reader = reader
    this.#texts = texts
  }

  reset(): void {
    this.type = 0
    this.intermediate = false
    this.hasStart = false
    this.hasDuration = false
    // A loop: `fill` is a call into the runtime, a tenth of the whole entry's time.
    const { numbers, address } = this
    for (let i = 0; i < 12; i++) numbers[i] = 0
    for (let i = 0; i < 4; i++) address[i] = 0
    this.sni = 0
    this.cluster = 0
    this.authority = 0
    this.port = 0
    this.streamIdStart = 0
    this.streamIdEnd = 0
    this.remoteStart = 0
    this.remoteEnd = 0
    this.localStart = 0
    this.localEnd = 0
  }

  /** TCPAccessLogEntry: common_properties = 1, connection_properties = 2. */
  readTcp(end: number): void {
    const reader = this.#reader
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 10) this.#readCommon(reader.delimited(), end)
      else if (tag === 18) this.#readConnection(reader.delimited(), end)
      else reader.skip(tag)
    }
  }

  /** HTTPAccessLogEntry: common_properties = 1, request = 3, response = 4. */
  readHttp(end: number): void {
    const reader = this.#reader
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 10) this.#readCommon(reader.delimited(), end)
      else if (tag === 26) this.#readRequest(reader.delimited(), end)
      else if (tag === 34) this.#readResponse(reader.delimited(), end)
      else reader.skip(tag)
    }
  }

  /** AccessLogCommon. Upload is what went upstream: Envoy's `sent`. */
  #readCommon(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      switch (tag) {
        case 18: // downstream_remote_address = 2
          this.remoteEnd = reader.delimited()
          this.remoteStart = reader.position
          reader.position = this.remoteEnd
          break
        case 26: // downstream_local_address = 3
          this.localEnd = reader.delimited()
          this.localStart = reader.position
          reader.position = this.localEnd
          break
        case 34: // tls_properties = 4
          this.#readTls(reader.delimited(), end)
          break
        case 42: // start_time = 5
          this.hasStart = true
          this.#readTime(reader.delimited(), end, Column.startSeconds)
          break
        case 106: // upstream_remote_address = 13
          this.#readAddress(reader.delimited(), end)
          break
        case 122: // upstream_cluster = 15
          this.cluster = this.#readText()
          break
        case 186: // duration = 23
          this.hasDuration = true
          this.#readTime(reader.delimited(), end, Column.durationSeconds)
          break
        case 210: // stream_id = 26
          this.streamIdEnd = reader.delimited()
          this.streamIdStart = reader.position
          reader.position = this.streamIdEnd
          break
        case 216: // intermediate_log_entry = 27
          this.intermediate = reader.varint() !== 0
          break
        case 248: // upstream_wire_bytes_sent = 31
          reader.varintInto(this.numbers, Column.wireUpload)
          break
        case 256: // upstream_wire_bytes_received = 32
          reader.varintInto(this.numbers, Column.wireDownload)
          break
        case 264: // access_log_type = 33
          this.type = reader.varint()
          break
        default:
          reader.skip(tag)
      }
    }
    reader.limit = outer
  }

  /** ConnectionProperties: received_bytes = 1, sent_bytes = 2. */
  #readConnection(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 8) reader.varintInto(this.numbers, Column.receivedBytes)
      else if (tag === 16) reader.varintInto(this.numbers, Column.sentBytes)
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** HTTPRequestProperties: authority = 3, request_headers_bytes = 11, request_body_bytes = 12. */
  #readRequest(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 26) this.authority = this.#readText()
      else if (tag === 88) reader.varintInto(this.numbers, Column.requestHeadersBytes)
      else if (tag === 96) reader.varintInto(this.numbers, Column.requestBodyBytes)
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** HTTPResponseProperties: response_headers_bytes = 2, response_body_bytes = 3. */
  #readResponse(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 16) reader.varintInto(this.numbers, Column.responseHeadersBytes)
      else if (tag === 24) reader.varintInto(this.numbers, Column.responseBodyBytes)
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** TLSProperties: tls_sni_hostname = 3. Its presence does not mean that TLS was terminated. */
  #readTls(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 26) this.sni = this.#readText()
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** core.Address: socket_address = 1 {address = 2, port_value = 3}; pipes and internals have no IP. */
  #readAddress(end: number, outer: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag !== 10) {
        reader.skip(tag)
        continue
      }
      const inner = reader.delimited()
      reader.limit = inner
      while (reader.position < inner) {
        const field = reader.tag()
        if (field === 18) {
          const textEnd = reader.delimited()
          parseIpAddress(reader.bytes, reader.position, textEnd, this.address, 0)
          reader.position = textEnd
        } else if (field === 24) this.port = reader.varint() & 0xffff
        else reader.skip(field)
      }
      reader.limit = end
    }
    reader.limit = outer
  }

  /** Timestamp or Duration: seconds = 1, nanos = 2, into two columns beginning at `column`. */
  #readTime(end: number, outer: number, column: number): void {
    const reader = this.#reader
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 8) reader.varintInto(this.numbers, column)
      else if (tag === 16) reader.varintInto(this.numbers, column + 1)
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  #readText(): number {
    const reader = this.#reader
    const end = reader.delimited()
    const id = this.#texts.intern(reader.bytes, reader.position, end)
    reader.position = end
    return id
  }
}
