import { LONG_MS, SHAPES, Shape } from '../model/entry-shape.ts'
import { GOES_ON_TAG } from '../model/message-mark.ts'
import { REJECT_REASONS, Reject } from '../model/reject-reason.ts'
import { SAID_MOMENTS, Said } from '../model/said-moments.ts'
import {
  IdentityKind,
  MAX_COUNTER,
  NO_TIME,
  type SampleBatch,
  SampleKind,
} from '../model/sample.ts'
import { identityKey } from '../runtime/identity-key.ts'
import { identityHash, scopeIdentity } from './identity-hash.ts'
import { Column, LogEntry } from './log-entry.ts'
import { PeerReader } from './peer-reader.ts'
import type { TextInterner } from './text-interner.ts'
import { parseUuid } from './uuid.ts'
import { MalformedError, WireReader } from './wire-reader.ts'

/** First release in which every connection that reached tcp_proxy has a stream id. */
const STREAM_ID_SINCE = 1025

/** What the decoder needs to know of the stream that a message came on. */
export interface DecodeStream {
  /** 16 bytes that stand for the node's id: part of identities that are unique per node only. */
  readonly scope: Uint8Array
  /** 16 bytes that stand for a node without an id, by what else it says of itself. */
  readonly namelessScope?: Uint8Array | undefined
  /** Envoy's release, major * 1000 + minor (1.40 = 1040); 0 = not told. */
  readonly envoyMinor: number
  /** Whether its entries are read for who opened their connections: waypoints and gateways. */
  readonly reportsPeers?: boolean
  /** What its identities were made of before, where a file may hold such: for starts until then, unix ms. */
  readonly before?: { readonly stream: DecodeStream; readonly untilMs: number } | undefined
}

/**
 * Reads StreamAccessLogsMessage into connection samples, in a single pass. Never throws, whatever the
 * bytes: what cannot be read is counted by reason, and its neighbours go on. Allocates nothing per
 * entry, but for entries whose identity must be hashed (requests, Envoys before 1.25).
 */
export class MessageDecoder {
  /** Refusals of the last message, by index of `REJECT_REASONS`. */
  readonly rejected = new Float64Array(REJECT_REASONS.length)
  /** Samples of the last message, by the `Shape` of their entries. */
  readonly shapes = new Float64Array(SHAPES)
  /** The newest moments of the last message by its node's clock, by `Said`, unix ms; or `NO_TIME`. */
  readonly said = new Float64Array(SAID_MOMENTS)
  /** Entries of the last message: those that became samples plus those refused. */
  entries = 0
  /** Where the last scanned message holds its identifier; -1 when it has none. */
  identifierStart = -1
  identifierEnd = -1
  /** Whether the last scanned message goes on in the next one of its stream. */
  goesOn = false
  /** While true, periodic entries are refused as `shed`: the next one says it all again. */
  shedPeriodic = false
  readonly #reader = new WireReader()
  readonly #entry: LogEntry
  readonly #peers: PeerReader
  #onFull: () => void = nothing
  /** Entries that end before this position are not read. */
  #skipTo = 0

  constructor(texts: TextInterner) {
    this.#entry = new LogEntry(this.#reader, texts)
    this.#peers = new PeerReader(this.#reader, texts)
  }

  /** Looks at the top level only: where the identifier is, and whether the message goes on. */
  scan(message: Uint8Array): void {
    this.goesOn = false
    this.identifierStart = -1
    this.identifierEnd = -1
    const reader = this.#reader
    reader.reset(message, 0, message.length)
    try {
      while (reader.position < message.length) {
        const tag = reader.tag()
        if (tag === 10) {
          const end = reader.delimited()
          this.identifierStart = reader.position
          this.identifierEnd = end
          reader.position = end
        } else if (tag === GOES_ON_TAG) this.goesOn = reader.varint() !== 0
        else reader.skip(tag)
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
  }

  /**
   * Appends the samples of a message to a batch. Whenever the batch is full `onFull` is called, which
   * must empty it: a backlog of 256 MiB in one message does not become one huge batch.
   */
  decode(
    message: Uint8Array,
    stream: DecodeStream,
    batch: SampleBatch,
    onFull: () => void = nothing,
  ): void {
    this.#skipTo = 0
    this.#read(message, stream, batch, onFull)
  }

  /**
   * As `decode`, of the entries that end in the last bytes of a message: those that were logged last.
   * The entries before are skipped by their lengths.
   */
  decodeTail(
    message: Uint8Array,
    stream: DecodeStream,
    batch: SampleBatch,
    tailBytes: number,
  ): void {
    this.#skipTo = message.length - tailBytes
    this.#read(message, stream, batch, () => batch.reset())
  }

  #read(message: Uint8Array, stream: DecodeStream, batch: SampleBatch, onFull: () => void): void {
    this.#onFull = onFull
    this.#entry.peer = stream.reportsPeers === true ? this.#peers : undefined
    this.rejected.fill(0)
    this.shapes.fill(0)
    this.said[Said.moment] = NO_TIME
    this.said[Said.end] = NO_TIME
    this.said[Said.opening] = NO_TIME
    this.entries = 0
    const reader = this.#reader
    reader.reset(message, 0, message.length)
    try {
      while (reader.position < message.length) {
        const tag = reader.tag()
        // http_logs = 2, tcp_logs = 3: a oneof, but a damaged message can hold both; both are read.
        if (tag === 18) this.#readLogs(true, stream, batch)
        else if (tag === 26) this.#readLogs(false, stream, batch)
        else reader.skip(tag)
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#reject(Reject.malformed_message)
    }
  }

  /** HTTPAccessLogEntries or TCPAccessLogEntries: log_entry = 1, repeated. */
  #readLogs(http: boolean, stream: DecodeStream, batch: SampleBatch): void {
    const reader = this.#reader
    const outer = reader.limit
    const length = reader.varint()
    const claimedEnd = reader.position + length
    // Of a list that is cut short the whole entries count; then the message is malformed.
    const end = claimedEnd < outer ? claimedEnd | 0 : outer
    reader.limit = end
    const { bytes } = reader
    while (reader.position < end) {
      if (bytes[reader.position] === 10) reader.position++
      else {
        const tag = reader.tag()
        if (tag !== 10) {
          reader.skip(tag)
          continue
        }
      }
      const entryEnd = reader.delimited()
      if (entryEnd > this.#skipTo) this.#readEntry(entryEnd, http, stream, batch)
      // Also after a damaged entry: its length prefix says where its neighbour begins.
      reader.position = entryEnd
      reader.limit = end
    }
    reader.limit = outer
    reader.moveTo(claimedEnd)
  }

  #readEntry(end: number, http: boolean, stream: DecodeStream, batch: SampleBatch): void {
    const entry = this.#entry
    entry.reset()
    this.#reader.limit = end
    try {
      if (http) entry.readHttp(end)
      else entry.readTcp(end)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#reject(Reject.malformed_entry)
      return
    }
    const reason = this.#append(http, stream, batch)
    if (reason === ACCEPTED) this.entries++
    else this.#reject(reason)
  }

  /** Makes a sample of the entry just read; the reason it was refused for, or `ACCEPTED`. */
  #append(http: boolean, stream: DecodeStream, batch: SampleBatch): number {
    const entry = this.#entry
    const { type } = entry
    const kind = kindOf(type, http)
    if (kind === 0) return type >= 7 && type <= 10 ? Reject.uncounted_type : Reject.unknown_type
    const final = isFinal(type, entry.intermediate)
    if (!final && this.shedPeriodic && (type === 2 || type === 5 || type === 12)) return Reject.shed
    if (!final && kind === SampleKind.request) return Reject.request_in_progress
    const { numbers } = entry
    const wireUpload = numbers[Column.wireUpload] as number
    const wireDownload = numbers[Column.wireDownload] as number
    let plainUpload = numbers[Column.receivedBytes] as number
    let plainDownload = numbers[Column.sentBytes] as number
    if (http) {
      // An HTTP logger on tcp_proxy gives entries about a connection: its bytes are the bodies'.
      plainUpload = numbers[Column.requestBodyBytes] as number
      plainDownload = numbers[Column.responseBodyBytes] as number
      if (kind === SampleKind.request) {
        if (plainUpload >= 0) plainUpload += numbers[Column.requestHeadersBytes] as number
        if (plainDownload >= 0) plainDownload += numbers[Column.responseHeadersBytes] as number
      }
    }
    if (
      wireUpload > MAX_COUNTER ||
      wireDownload > MAX_COUNTER ||
      plainUpload > MAX_COUNTER ||
      plainDownload > MAX_COUNTER
    ) {
      return Reject.implausible_counter
    }
    if (batch.count >= FULL_BATCH) this.#onFull()
    const row = batch.count
    batch.reserve()
    const identityKind = this.#identify(kind, final, stream, batch.identity, row * 4)
    if (identityKind === IdentityKind.none) return Reject.no_connection_id
    batch.count = row + 1
    batch.kind[row] = kind
    batch.identityKind[row] = identityKind
    batch.entryType[row] = type
    batch.final[row] = final ? 1 : 0
    batch.startMs[row] = NO_TIME
    batch.durationMs[row] = NO_TIME
    if (entry.hasStart) writeTime(numbers, Column.startSeconds, batch.startMs, row)
    if (entry.hasDuration) writeTime(numbers, Column.durationSeconds, batch.durationMs, row)
    batch.beganMs[row] = batch.startMs[row]
    if (stream.before !== undefined && identityKind === IdentityKind.hashed) {
      this.#identifyBefore(kind, final, stream.before, batch, row)
    }
    this.#noteStart(batch, row)
    batch.wireUpload[row] = wireUpload
    batch.wireDownload[row] = wireDownload
    batch.plainUpload[row] = plainUpload
    batch.plainDownload[row] = plainDownload
    batch.sni[row] = entry.sni
    batch.cluster[row] = entry.cluster
    batch.authority[row] = entry.authority
    const { address, hasAddress } = entry
    for (let word = 0; word < 4; word++) {
      batch.address[row * 4 + word] = hasAddress ? (address[word] as number) : 0
    }
    batch.port[row] = entry.port
    batch.meshTls[row] = 0
    if (entry.peer !== undefined) {
      batch.peer[row] = entry.peer.intern()
      if (entry.peer.endsMeshTls) batch.meshTls[row] = 1
    }
    const shape =
      (final ? Shape.final : 0) |
      (kind === SampleKind.request ? Shape.request : 0) |
      (type === 0 ? Shape.untyped : 0) |
      (final ? this.#noteEnd(batch, row) : 0)
    this.shapes[shape] = (this.shapes[shape] as number) + 1
    return ACCEPTED
  }

  /** The identity that the entry had by an older rule, for rows of that time. */
  #identifyBefore(
    kind: number,
    final: boolean,
    { stream, untilMs }: NonNullable<DecodeStream['before']>,
    batch: SampleBatch,
    row: number,
  ): void {
    const start = batch.startMs[row] as number
    if (start === NO_TIME || start > untilMs) return
    const words = new Int32Array(4)
    const identityKind = this.#identify(kind, final, stream, words, 0)
    if (identityKind !== IdentityKind.none) batch.setBefore(row, identityKey(words, 0))
  }

  /** Notes when what an entry is about began. */
  #noteStart(batch: SampleBatch, row: number): void {
    const { said } = this
    const start = batch.startMs[row] as number
    if (start > (said[Said.moment] as number)) said[Said.moment] = start
    if (start <= (said[Said.opening] as number)) return
    const type = batch.entryType[row]
    if (type === 1 || type === 14) said[Said.opening] = start
  }

  /** Notes when a final entry ended; `Shape.long` where it lasted long. */
  #noteEnd(batch: SampleBatch, row: number): number {
    const start = batch.startMs[row] as number
    const duration = batch.durationMs[row] as number
    if (start === NO_TIME || duration === NO_TIME) return 0
    const { said } = this
    const end = start + duration
    if (end > (said[Said.end] as number)) said[Said.end] = end
    if (end > (said[Said.moment] as number)) said[Said.moment] = end
    return duration >= LONG_MS ? Shape.long : 0
  }

  /**
   * Writes the identity (ADR 2); `none` if the entry has none. Only a UUID is unique by itself: all else
   * is the sender's own.
   */
  #identify(
    kind: number,
    final: boolean,
    stream: DecodeStream,
    words: Int32Array,
    at: number,
  ): number {
    const entry = this.#entry
    const { bytes } = this.#reader
    const { streamIdStart, streamIdEnd } = entry
    if (kind === SampleKind.request) {
      if (streamIdEnd === streamIdStart && !entry.isPlaced) return IdentityKind.none
      // The stream id of a request is its x-request-id, which a client can repeat.
      identityHash(
        'request',
        [
          stream.scope,
          bytes.subarray(streamIdStart, streamIdEnd),
          startBytes(entry),
          bytes.subarray(entry.remoteStart, entry.remoteEnd),
        ],
        words,
        at,
      )
      if (stream.namelessScope !== undefined) scopeIdentity(stream.namelessScope, words, at)
      return IdentityKind.hashed
    }
    if (parseUuid(bytes, streamIdStart, streamIdEnd, words, at)) return IdentityKind.uuid
    if (streamIdEnd > streamIdStart) {
      // Not random: a counter, say, which another node counts as well.
      identityHash('stream-id', [bytes.subarray(streamIdStart, streamIdEnd)], words, at)
      scopeIdentity(stream.namelessScope ?? stream.scope, words, at)
      return IdentityKind.hashed
    }
    // Newer senders give every connection of tcp_proxy an id: without one it died in a listener filter.
    if (!final || stream.envoyMinor >= STREAM_ID_SINCE) return IdentityKind.none
    if (!entry.isPlaced) return IdentityKind.none
    identityHash(
      'no-stream-id',
      [
        stream.scope,
        startBytes(entry),
        bytes.subarray(entry.remoteStart, entry.remoteEnd),
        bytes.subarray(entry.localStart, entry.localEnd),
      ],
      words,
      at,
    )
    scopeIdentity(stream.namelessScope ?? stream.scope, words, at)
    return IdentityKind.hashed
  }

  #reject(reason: number): void {
    this.rejected[reason] = (this.rejected[reason] as number) + 1
    this.entries++
  }
}

const ACCEPTED = -1
/** Rows of a batch at most, as far as its owner empties it: 10 MB. */
const FULL_BATCH = 65_536

function nothing(): void {}

/** 9999-12-31T23:59:59Z: the last second of a protobuf Timestamp. */
const MAX_SECONDS = 253_402_300_799

/** Writes seconds and nanos as ms; leaves the row as it is if they are negative or absurd. */
function writeTime(numbers: Float64Array, column: number, times: Float64Array, row: number): void {
  const seconds = numbers[column] as number
  const nanos = numbers[column + 1] as number
  // A negative number is a ten-byte varint, far beyond both bounds.
  if (seconds <= MAX_SECONDS && nanos < 1e9) times[row] = seconds * 1000 + nanos / 1e6
}

/** The start as it is part of an identity, to the nanosecond; no bytes if there is none. */
function startBytes(entry: LogEntry): Uint8Array {
  if (!entry.hasStart) return new Uint8Array(0)
  const bytes = new DataView(new ArrayBuffer(16))
  bytes.setFloat64(0, entry.numbers[Column.startSeconds] as number)
  bytes.setFloat64(8, entry.numbers[Column.startNanos] as number)
  return new Uint8Array(bytes.buffer)
}

/** What an entry is about, after its type alone; 0 = nothing that is counted. */
function kindOf(type: number, http: boolean): number {
  if (type === 0) return http ? SampleKind.request : SampleKind.connection
  if (type <= 3 || (type >= 11 && type <= 14)) return SampleKind.connection
  return type <= 6 ? SampleKind.request : 0
}

/** Final entries close what they are about: TcpConnectionEnd, UdpSessionEnd, DownstreamEnd, and old ones. */
function isFinal(type: number, intermediate: boolean): boolean {
  if (type === 0) return !intermediate
  return type === 3 || type === 13 || type === 6
}
