import { NO_COUNTER } from '../model/sample.ts'
import { parseIpAddress } from './ip-address.ts'
import type { PeerReader } from './peer-reader.ts'
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

/** Stands for every type that a byte does not hold; none is known. */
const UNKNOWN_TYPE = 255

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
  /** Whether `address` and `port` are this entry's. */
  hasAddress = false
  /**
   * Unsigned integers as on the wire, by `Column`; 0 where absent, and `NO_COUNTER` for the plain
   * counters of a message that is absent as a whole. A negative one on the wire is above 2^63.
   */
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
  /** Takes what entries say of their peers, on streams that report them. */
  peer: PeerReader | undefined = undefined
  readonly #reader: WireReader
  readonly #texts: TextInterner

  constructor(reader: WireReader, texts: TextInterner) {
    this.#reader = reader
    this.#texts = texts
  }

  /** Whether it says when or where: every Envoy says both. Without either, entries cannot be told apart. */
  get isPlaced(): boolean {
    return this.hasStart || this.remoteEnd > this.remoteStart || this.localEnd > this.localStart
  }

  reset(): void {
    this.type = 0
    this.intermediate = false
    this.hasStart = false
    this.hasDuration = false
    this.hasAddress = false
    // One by one: `fill` is a call into the runtime, a tenth of the whole entry's time. The columns of
    // times and of HTTP are reset where they begin to be used.
    const { numbers } = this
    numbers[Column.wireUpload] = 0
    numbers[Column.wireDownload] = 0
    numbers[Column.receivedBytes] = NO_COUNTER
    numbers[Column.sentBytes] = NO_COUNTER
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
    if (this.peer !== undefined) this.peer.reset()
  }

  /** TCPAccessLogEntry: common_properties = 1, connection_properties = 2. */
  readTcp(end: number): void {
    const reader = this.#reader
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 10) this.#readCommon(reader.delimited(), end)
      else if (tag === 18) {
        const pairEnd = reader.delimited()
        this.#begin(Column.receivedBytes)
        this.#begin(Column.sentBytes)
        this.#readPair(reader.position, pairEnd, Column.receivedBytes)
        reader.position = pairEnd
      } else reader.skip(tag)
    }
  }

  /** HTTPAccessLogEntry: common_properties = 1, request = 3, response = 4. */
  readHttp(end: number): void {
    const reader = this.#reader
    const { numbers } = this
    numbers[Column.requestHeadersBytes] = 0
    numbers[Column.requestBodyBytes] = NO_COUNTER
    numbers[Column.responseHeadersBytes] = 0
    numbers[Column.responseBodyBytes] = NO_COUNTER
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 10) this.#readCommon(reader.delimited(), end)
      else if (tag === 26) this.#readRequest(reader.delimited(), end)
      else if (tag === 34) this.#readResponse(reader.delimited(), end)
      else reader.skip(tag)
    }
  }

  /**
   * AccessLogCommon: twenty fields, more than half of an entry's bytes. Walked with a cursor of its
   * own, short tags and lengths read in place; all else goes through the reader.
   */
  #readCommon(end: number, outer: number): void {
    const reader = this.#reader
    const { bytes } = reader
    reader.limit = end
    let at = reader.position
    while (at < end) {
      const first = bytes[at] as number
      const second = at + 1 < end ? (bytes[at + 1] as number) : 0x80
      let tag = first
      if (first < 0x80) at += 1
      else if (second < 0x80) {
        tag = (first & 0x7f) | (second << 7)
        at += 2
      } else {
        reader.position = at
        tag = reader.tag()
        at = reader.position
      }
      if ((tag & 7) === 2 && tag > 7) {
        let next = at < end ? at + 1 + (bytes[at] as number) : end + 1
        if (next - at <= 0x80 && next <= end) at += 1
        else {
          reader.position = at
          next = reader.delimited()
          at = reader.position
        }
        this.#readDelimited(tag, at, next)
        at = next
      } else if ((tag & 7) === 0 && tag > 7) {
        let value = 0
        let scale = 1
        let byte = 0x80
        let next = at
        for (; byte >= 0x80 && next < end && next < at + 10; next++) {
          byte = bytes[next] as number
          value += (byte & 0x7f) * scale
          scale *= 128
        }
        // An unfinished one is malformed: the reader says so.
        if (byte >= 0x80) {
          reader.position = at
          reader.varint()
        }
        this.#takeNumber(tag, value)
        at = next
      } else {
        reader.position = at
        reader.skip(tag)
        at = reader.position
      }
    }
    reader.position = end
    reader.limit = outer
  }

  /** A length-delimited field of AccessLogCommon, by its full tag, which stands at `start … end`. */
  #readDelimited(tag: number, start: number, end: number): void {
    switch (tag) {
      case 18: // downstream_remote_address = 2
        this.remoteStart = start
        this.remoteEnd = end
        return
      case 26: // downstream_local_address = 3
        this.localStart = start
        this.localEnd = end
        return
      case 34: // tls_properties = 4
        this.#readTls(start, end)
        return
      case 42: // start_time = 5
        if (!this.hasStart) this.#resetTime(Column.startSeconds)
        this.hasStart = true
        this.#readPair(start, end, Column.startSeconds)
        return
      case 106: // upstream_remote_address = 13
        this.#readAddress(start, end)
        return
      case 122: // upstream_cluster = 15
        this.cluster = this.#texts.intern(this.#reader.bytes, start, end)
        return
      case 170: // filter_state_objects = 21
        if (this.peer !== undefined) this.peer.takeFilterState(start, end)
        return
      case 186: // duration = 23
        if (!this.hasDuration) this.#resetTime(Column.durationSeconds)
        this.hasDuration = true
        this.#readPair(start, end, Column.durationSeconds)
        return
      case 210: // stream_id = 26
        this.streamIdStart = start
        this.streamIdEnd = end
    }
  }

  /** A varint of AccessLogCommon, by its full tag. Upload is what went upstream: Envoy's `sent`. */
  #takeNumber(tag: number, value: number): void {
    if (tag === 248)
      this.numbers[Column.wireUpload] = value // upstream_wire_bytes_sent = 31
    else if (tag === 256)
      this.numbers[Column.wireDownload] = value // upstream_wire_bytes_received = 32
    else if (tag === 264)
      this.type = value < UNKNOWN_TYPE ? value | 0 : UNKNOWN_TYPE // access_log_type = 33
    else if (tag === 216) this.intermediate = value !== 0 // intermediate_log_entry = 27
  }

  /** HTTPRequestProperties: authority = 3, request_headers_bytes = 11, request_body_bytes = 12. */
  #readRequest(end: number, outer: number): void {
    const reader = this.#reader
    this.#begin(Column.requestBodyBytes)
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
    this.#begin(Column.responseBodyBytes)
    reader.limit = end
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 16) reader.varintInto(this.numbers, Column.responseHeadersBytes)
      else if (tag === 24) reader.varintInto(this.numbers, Column.responseBodyBytes)
      else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** TLSProperties: tls_sni_hostname = 3, peer_certificate_properties = 5. Its presence does not mean that TLS was terminated. */
  #readTls(start: number, end: number): void {
    const reader = this.#reader
    const { bytes } = reader
    // Nearly always the SNI is all there is, and shorter than 128 bytes.
    if (bytes[start] === 26 && start + 2 + (bytes[start + 1] as number) === end) {
      if ((bytes[start + 1] as number) < 0x80) {
        this.sni = this.#texts.intern(bytes, start + 2, end)
        return
      }
    }
    const outer = reader.enter(start, end)
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag === 26) this.sni = this.#readText()
      else if (tag === 42 && this.peer !== undefined) {
        const certificate = reader.delimited()
        this.peer.takeCertificate(reader.position, certificate)
        reader.position = certificate
      } else reader.skip(tag)
    }
    reader.limit = outer
  }

  /** core.Address: socket_address = 1 {address = 2, port_value = 3}; pipes and internals have no IP. */
  #readAddress(start: number, end: number): void {
    const reader = this.#reader
    const { bytes } = reader
    if (!this.hasAddress) {
      this.hasAddress = true
      for (let i = 0; i < 4; i++) this.address[i] = 0
    }
    // As Envoy writes it: a socket_address with its address, then its port of one to three bytes.
    const textEnd = start + 4 + (bytes[start + 3] as number)
    const isPlain =
      bytes[start] === 10 &&
      start + 2 + (bytes[start + 1] as number) === end &&
      bytes[start + 2] === 18 &&
      bytes[textEnd] === 24
    if (isPlain && end - start < 0x80 && textEnd + 1 < end && end <= textEnd + 4) {
      if ((bytes[end - 1] as number) < 0x80) {
        let port = 0
        for (let at = end - 1; at > textEnd; at--)
          port = (port << 7) | ((bytes[at] as number) & 0x7f)
        if (isOneVarint(bytes, textEnd + 1, end)) {
          parseIpAddress(bytes, start + 4, textEnd, this.address, 0)
          this.port = port & 0xffff
          return
        }
      }
    }
    const outer = reader.enter(start, end)
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

  /** The message that holds this counter is there: a counter that it does not mention is 0. */
  #begin(column: number): void {
    if (this.numbers[column] === NO_COUNTER) this.numbers[column] = 0
  }

  #resetTime(column: number): void {
    this.numbers[column] = 0
    this.numbers[column + 1] = 0
  }

  /**
   * Two integers, 1 and 2, into two columns beginning at `column`: seconds and nanos of a Timestamp or
   * Duration, received_bytes and sent_bytes of ConnectionProperties.
   */
  #readPair(start: number, end: number, column: number): void {
    const { numbers } = this
    const { bytes } = this.#reader
    let at = start
    while (at < end) {
      const tag = bytes[at] as number
      let value = 0
      let scale = 1
      let byte = 0x80
      let next = at + 1
      for (; byte >= 0x80 && next < end && next < at + 11; next++) {
        byte = bytes[next] as number
        value += (byte & 0x7f) * scale
        scale *= 128
      }
      // Anything but two whole varints is rare, or malformed.
      if ((tag !== 8 && tag !== 16) || byte >= 0x80) {
        this.#readPairSlowly(at, end, column)
        return
      }
      numbers[tag === 8 ? column : column + 1] = value
      at = next
    }
  }

  #readPairSlowly(start: number, end: number, column: number): void {
    const reader = this.#reader
    const outer = reader.enter(start, end)
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

/** Whether all bytes but the last say that another one follows. */
function isOneVarint(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end - 1; at++) if ((bytes[at] as number) < 0x80) return false
  return true
}
