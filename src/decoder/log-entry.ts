import { NO_TIME } from '../model/sample.ts'
import { parseIpAddress } from './ip-address.ts'
import type { TextInterner } from './text-interner.ts'
import type { WireReader } from './wire-reader.ts'

/** 9999-12-31T23:59:59Z: the last second of a protobuf Timestamp. */
const MAX_SECONDS = 253_402_300_799

/**
 * What is read of one log entry, reused from entry to entry. Fields are matched by their full tag
 * (number and wire type): a field that changed its type in some release is skipped, never misread.
 * Field numbers: envoy/data/accesslog/v3/accesslog.proto (see `proto/als.proto`).
 */
export class LogEntry {
  type = 0
  intermediate = false
  startMs = NO_TIME
  durationMs = NO_TIME
  wireUpload = 0
  wireDownload = 0
  /** `connection_properties`: Envoy received = the workload's upload. */
  receivedBytes = 0
  sentBytes = 0
  requestHeadersBytes = 0
  requestBodyBytes = 0
  responseHeadersBytes = 0
  responseBodyBytes = 0
  sni = 0
  cluster = 0
  authority = 0
  port = 0
  readonly address = new Int32Array(4)
  /** Ranges in the message, for identities; empty (0, 0) where absent. */
  streamIdStart = 0
  streamIdEnd = 0
  startTimeStart = 0
  startTimeEnd = 0
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
    this.startMs = NO_TIME
    this.durationMs = NO_TIME
    this.wireUpload = 0
    this.wireDownload = 0
    this.receivedBytes = 0
    this.sentBytes = 0
    this.requestHeadersBytes = 0
    this.requestBodyBytes = 0
    this.responseHeadersBytes = 0
    this.responseBodyBytes = 0
    this.sni = 0
    this.cluster = 0
    this.authority = 0
    this.port = 0
    this.address.fill(0)
    this.streamIdStart = 0
    this.streamIdEnd = 0
    this.startTimeStart = 0
    this.startTimeEnd = 0
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
          this.startTimeEnd = reader.delimited()
          this.startTimeStart = reader.position
          this.startMs = this.#readTime(this.startTimeEnd, end)
          break
        case 106: // upstream_remote_address = 13
          this.#readAddress(reader.delimited(), end)
          break
        case 122: // upstream_cluster = 15
          this.cluster = this.#readText()
          break
        case 186: // duration = 23
          this.durationMs = this.#readTime(reader.delimited(), end)
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
          this.wireUpload = reader.varint()
          break
        case 256: // upstream_wire_bytes_received = 32
          this.wireDownload = reader.varint()
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
      if (tag === 8) this.receivedBytes = reader.varint()
      else if (tag === 16) this.sentBytes = reader.varint()
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
      else if (tag === 88) this.requestHeadersBytes = reader.varint()
      else if (tag === 96) this.requestBodyBytes = reader.varint()
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
      if (tag === 16) this.responseHeadersBytes = reader.varint()
      else if (tag === 24) this.responseBodyBytes = reader.varint()
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

  /** Timestamp or Duration (seconds = 1, nanos = 2) in ms; `NO_TIME` for what is negative or absurd. */
  #readTime(end: number, outer: number): number {
    const reader = this.#reader
    reader.limit = end
    let seconds = 0
    let nanos = 0
    while (reader.position < end) {
      const tag = reader.tag()
      // A negative int64 is a ten-byte varint, far beyond the bounds below.
      if (tag === 8) seconds = reader.varint()
      else if (tag === 16) nanos = reader.varint()
      else reader.skip(tag)
    }
    reader.limit = outer
    if (seconds > MAX_SECONDS || nanos >= 1e9) return NO_TIME
    return seconds * 1000 + nanos / 1e6
  }

  #readText(): number {
    const reader = this.#reader
    const end = reader.delimited()
    const id = this.#texts.intern(reader.bytes, reader.position, end)
    reader.position = end
    return id
  }
}
