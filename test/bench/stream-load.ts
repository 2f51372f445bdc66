import {
  delimitedField,
  EntryType,
  identifierField,
  tag,
  tcpEntry,
  varint,
  WireType,
} from '../helpers/entry-writer.ts'
import { connectionOf, ENTRIES_PER_MESSAGE, type EntrySize, entryOf, nodeOf } from './corpus.ts'
import { fieldOffset } from './field-offset.ts'
import { FRAME_HEADER_BYTES, FrameType, frame, MAX_FRAME_BYTES } from './http2-frame.ts'
import type { Truth } from './truth.ts'

const STREAM_ID = 1
const GRPC_PREFIX_BYTES = 5

/** Counters of living connections stay in 2^28 … 2^35: their varints always have five bytes. */
const LIVING_BASE = 2 ** 28
/** Counters of ended connections stay in 2^14 … 2^21: three bytes. */
const ENDED_BASE = 2 ** 14

export interface LoadShape {
  readonly size: EntrySize
  /** Different messages per stream, sent in turn; each has connections of its own. */
  readonly messagesPerStream: number
  /** Entries per message that are the End (and only word) of a new short connection. */
  readonly endsPerMessage: number
  /** Every periodic entry is the first word of a new connection: they pile up, open. */
  readonly alwaysNew: boolean
}

/**
 * The prebuilt frames of one stream. Before a message is sent, `prepare` writes new counters (and for
 * new connections a new id) into the bytes in place, and the same into the truth: an entry costs
 * some ten nanoseconds instead of an encoder.
 */
export class StreamLoad {
  /** The frames of all messages, back to back: message m is `frames[start[m] … start[m + 1]]`. */
  readonly frames: Buffer
  readonly start: Int32Array
  /** Bytes of message m that count against the flow control windows. */
  readonly flowBytes: Int32Array
  readonly entriesPerMessage: number
  readonly #shape: LoadShape
  readonly #truth: Truth
  /** Per entry: offsets of the upload counters (3), the download counters (3), the id, the start. */
  readonly #offsets: Int32Array
  readonly #cell: Int32Array
  readonly #upload: Float64Array
  readonly #download: Float64Array
  #random: number

  constructor(stream: number, shape: LoadShape, truth: Truth, random: () => number, nowMs: number) {
    const perMessage = ENTRIES_PER_MESSAGE[shape.size]
    const entries = perMessage * shape.messagesPerStream
    this.entriesPerMessage = perMessage
    this.#shape = shape
    this.#truth = truth
    this.#offsets = new Int32Array(entries * OFFSETS)
    this.#cell = new Int32Array(entries)
    this.#upload = new Float64Array(entries)
    this.#download = new Float64Array(entries)
    this.#random = Math.floor(random() * 2 ** 31)
    this.start = new Int32Array(shape.messagesPerStream + 1)
    this.flowBytes = new Int32Array(shape.messagesPerStream)
    const chunks: Buffer[] = []
    let at = 0
    for (let message = 0; message < shape.messagesPerStream; message++) {
      const encoded = Array.from({ length: perMessage }, (_, i) => {
        const connection = connectionOf(random, nowMs)
        this.#cell[message * perMessage + i] = truth.cell(stream, connection.rank)
        const ends = i < shape.endsPerMessage
        const base = ends ? ENDED_BASE : LIVING_BASE
        const type = ends ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic
        const counters = { upload: base, download: base }
        return tcpEntry(entryOf(shape.size, type, connection, stream, counters, random))
      })
      const built = messageFrames(encoded)
      for (const [i, offset] of built.entryStart.entries()) {
        this.#locate(message * perMessage + i, encoded[i] as Buffer, at + offset)
      }
      chunks.push(built.bytes)
      this.flowBytes[message] = built.flowBytes
      at += built.bytes.length
      this.start[message + 1] = at
    }
    this.frames = Buffer.concat(chunks)
  }

  /**
   * Makes message m say something new. New connections begin at `startSeconds` (plus a fraction);
   * `newId` numbers those of all streams.
   */
  prepare(message: number, startSeconds: number, newId: () => number): void {
    const first = message * this.entriesPerMessage
    const { endsPerMessage, alwaysNew } = this.#shape
    for (let i = 0; i < this.entriesPerMessage; i++) {
      const entry = first + i
      this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0
      const moreUpload = 1 + ((this.#random >>> 20) & 0xfff)
      const moreDownload = 1 + ((this.#random >>> 8) & 0xffff)
      if (i < endsPerMessage) {
        this.#renew(entry, startSeconds, newId())
        this.#count(entry, ENDED_BASE + moreUpload, ENDED_BASE + moreDownload, true)
        this.#write3(entry, ENDED_BASE + moreUpload, ENDED_BASE + moreDownload)
        continue
      }
      const isNew = alwaysNew || this.#upload[entry] === 0
      if (alwaysNew) {
        this.#renew(entry, startSeconds, newId())
        this.#upload[entry] = 0
        this.#download[entry] = 0
      }
      this.#grow(entry, isNew, moreUpload, moreDownload)
    }
  }

  #grow(entry: number, isNew: boolean, moreUpload: number, moreDownload: number): void {
    const base = isNew ? LIVING_BASE : 0
    this.#count(entry, base + moreUpload, base + moreDownload, isNew)
    const upload = (this.#upload[entry] as number) + base + moreUpload
    const download = (this.#download[entry] as number) + base + moreDownload
    this.#upload[entry] = upload
    this.#download[entry] = download
    const at = entry * OFFSETS
    for (let i = 0; i < 3; i++) {
      writeVarint5(this.frames, this.#offsets[at + i] as number, upload)
      writeVarint5(this.frames, this.#offsets[at + 3 + i] as number, download)
    }
  }

  #count(entry: number, upload: number, download: number, isNew: boolean): void {
    const cell = this.#cell[entry] as number
    const truth = this.#truth
    truth.upload[cell] = (truth.upload[cell] as number) + upload
    truth.download[cell] = (truth.download[cell] as number) + download
    if (isNew) truth.connections[cell] = (truth.connections[cell] as number) + 1
  }

  #write3(entry: number, upload: number, download: number): void {
    const at = entry * OFFSETS
    for (let i = 0; i < 3; i++) {
      writeVarint3(this.frames, this.#offsets[at + i] as number, upload)
      writeVarint3(this.frames, this.#offsets[at + 3 + i] as number, download)
    }
  }

  /** Another connection: a new id (a bijection of its number, in the last 8 digits) and start. */
  #renew(entry: number, startSeconds: number, id: number): void {
    const at = entry * OFFSETS
    const end = (this.#offsets[at + 6] as number) + UUID_LENGTH
    let rest = scramble(id)
    for (let i = 1; i <= 8; i++) {
      this.frames[end - i] = HEX[rest & 15] as number
      rest >>>= 4
    }
    writeVarint5(this.frames, this.#offsets[at + 7] as number, startSeconds)
  }

  #locate(entry: number, encoded: Buffer, start: number): void {
    for (const [i, path] of PATCHED.entries()) {
      this.#offsets[entry * OFFSETS + i] = start + fieldOffset(encoded, path)
    }
  }
}

/** The first frames of a stream: a message with the identifier alone (63 KB, within one window). */
export function identifierFrames(stream: number): {
  readonly bytes: Buffer
  readonly flowBytes: number
} {
  const message = identifierField(nodeOf(stream))
  const payload = Buffer.concat([grpcPrefix(message.length), message])
  const frames: Buffer[] = []
  for (let at = 0; at < payload.length; at += MAX_FRAME_BYTES) {
    frames.push(frame(FrameType.data, 0, STREAM_ID, payload.subarray(at, at + MAX_FRAME_BYTES)))
  }
  return { bytes: Buffer.concat(frames), flowBytes: payload.length }
}

/** One message as DATA frames, cut between entries so that no field lies across a frame header. */
function messageFrames(entries: readonly Buffer[]): {
  readonly bytes: Buffer
  readonly flowBytes: number
  readonly entryStart: readonly number[]
} {
  const wrapped = entries.map((entry) => delimitedField(1, entry))
  const logsBytes = wrapped.reduce((sum, piece) => sum + piece.length, 0)
  const logsHeader = Buffer.concat([tag(3, WireType.delimited), varint(logsBytes)])
  const head = Buffer.concat([grpcPrefix(logsHeader.length + logsBytes), logsHeader])
  const frames: Buffer[] = []
  const entryStart: number[] = []
  let pieces: Buffer[] = [head]
  let length = head.length
  let done = 0
  const cut = (): void => {
    const bytes = frame(FrameType.data, 0, STREAM_ID, Buffer.concat(pieces))
    frames.push(bytes)
    done += bytes.length
    pieces = []
    length = 0
  }
  for (const [i, piece] of wrapped.entries()) {
    if (length + piece.length > MAX_FRAME_BYTES) cut()
    const entryLength = (entries[i] as Buffer).length
    entryStart.push(done + FRAME_HEADER_BYTES + length + piece.length - entryLength)
    pieces.push(piece)
    length += piece.length
  }
  cut()
  return { bytes: Buffer.concat(frames), flowBytes: head.length + logsBytes, entryStart }
}

function grpcPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(GRPC_PREFIX_BYTES)
  prefix.writeUInt32BE(length, 1)
  return prefix
}

/** Field paths in a TCPAccessLogEntry that `prepare` writes; 0–2 upload, 3–5 download. */
const PATCHED: readonly (readonly number[])[] = [
  [2, 1],
  [1, 30],
  [1, 31],
  [2, 2],
  [1, 29],
  [1, 32],
  [1, 26],
  [1, 5, 1],
]
const OFFSETS = PATCHED.length
const UUID_LENGTH = 36
const HEX = Buffer.from('0123456789abcdef')

/** A value of 2^28 … 2^35. */
function writeVarint5(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 28)
  const low = value - high * 2 ** 28
  bytes[at] = (low & 127) | 128
  bytes[at + 1] = ((low >>> 7) & 127) | 128
  bytes[at + 2] = ((low >>> 14) & 127) | 128
  bytes[at + 3] = (low >>> 21) | 128
  bytes[at + 4] = high
}

/** A value of 2^14 … 2^21. */
function writeVarint3(bytes: Buffer, at: number, value: number): void {
  bytes[at] = (value & 127) | 128
  bytes[at + 1] = ((value >>> 7) & 127) | 128
  bytes[at + 2] = value >>> 14
}

/** murmur3's finalizer: a bijection of 32-bit numbers. */
function scramble(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
