import { GOES_ON } from '../model/message-mark.ts'

/** gRPC's frame before each message: compressed flag and length. */
export const FRAME_HEADER_BYTES = 5
/**
 * Messages up to this are handed on whole, larger ones in parts: after so many bytes the whole entries so
 * far. Envoy flushes at 16 KB.
 */
export const PART_BYTES = 64 * 1024
/** A field (an entry, an identifier) above this is not held: Envoy's largest are 100 KB. */
export const MAX_FIELD_BYTES = 1024 * 1024

/** Tags of StreamAccessLogsMessage: `identifier`, `http_logs`, `tcp_logs`; of both lists: `log_entry`. */
const IDENTIFIER = 10
const HTTP_LOGS = 18
const TCP_LOGS = 26
const ENTRY = 10

/** A field of one byte that is no protobuf: an entry or an identifier of it is counted as unreadable. */
const UNREADABLE_FIELD = Buffer.of(10, 1, 0)
/** A message of it is malformed. */
const MALFORMED_MESSAGE = Buffer.of(0)

const INCOMPLETE = -1
const BROKEN = -2
const MAX_VARINT_BYTES = 10
/** As in the decoder. */
const MAX_GROUP_DEPTH = 32

/**
 * Cuts a StreamAccessLogsMessage that is still arriving into smaller messages that say the same, at the
 * edges of its fields: a backlog of any size takes the memory of its largest entry, not its own. All parts
 * but the last say that the message goes on. Damage and fields above `MAX_FIELD_BYTES` become parts that the decoder counts as malformed. (An identifier
 * is applied from where it stands: every sender writes it first.)
 */
export class MessageParts {
  readonly #partBytes: number
  #left: number
  #pending: Buffer
  #filled = 0
  /** The list that the pending bytes belong to (its tag; 0 = none), and its bytes from there on. */
  #list = 0
  #listLeft = 0
  /** Bytes of what is not held that are still to come. */
  #skip = 0
  /** Where the varint that was read last ends. */
  #next = 0

  /** @param size bytes of the whole message */
  constructor(size: number, partBytes = PART_BYTES) {
    this.#left = size
    this.#partBytes = partBytes
    this.#pending = Buffer.allocUnsafeSlow(Math.min(size, partBytes))
  }

  /** Memory that is taken. */
  get held(): number {
    return this.#pending.length
  }

  /** Bytes of the message that have not come yet. */
  get left(): number {
    return this.#left
  }

  /** Takes bytes, at most `left`; appends the parts that are whole by them, each in a gRPC frame. */
  write(data: Buffer, parts: Buffer[]): void {
    const before = parts.length
    let at = 0
    while (at < data.length) {
      let taken = Math.min(this.#skip, data.length - at)
      if (taken > 0) this.#skip -= taken
      else {
        taken = data.copy(this.#pending, this.#filled, at)
        this.#filled += taken
      }
      at += taken
      this.#left -= taken
      if (this.#left === 0 || this.#filled === this.#pending.length) this.#drain(parts)
    }
    if (this.#left === 0) endLast(parts, before)
  }

  /** Hands on what is whole and keeps the rest. */
  #drain(parts: Buffer[]): void {
    let start = 0
    let at = 0
    let needed = 0
    const handOn = (): void => {
      if (at > start) parts.push(part(this.#list, this.#pending.subarray(start, at)))
      start = at
    }
    for (;;) {
      if (this.#list !== 0 && this.#listLeft === 0) {
        handOn()
        this.#list = 0
      }
      if (at === this.#filled) break
      const tag = this.#varint(at)
      const end = tag < 0 ? tag : this.#fieldEnd(tag, 0)
      if (end === INCOMPLETE) {
        // A varint that is cut, or a group: only its end says how long it is.
        needed = 2 * (this.#filled - at)
        if (needed <= 2 * MAX_FIELD_BYTES) break
      }
      if (end < 0) {
        handOn()
        this.#giveUp(parts)
        return
      }
      if (this.#list === 0 && (tag === HTTP_LOGS || tag === TCP_LOGS)) {
        handOn()
        this.#list = tag
        this.#listLeft = end - this.#next
        at = this.#next
        start = at
        continue
      }
      const size = end - at
      const room = this.#list === 0 ? this.#filled - at + this.#left : this.#listLeft
      if (size > room || size > this.#filled - at + this.#left) {
        handOn()
        this.#giveUp(parts)
        return
      }
      if (end > this.#filled) {
        needed = size
        if (size <= MAX_FIELD_BYTES) break
        handOn()
        const isWanted = this.#list === 0 ? tag === IDENTIFIER : tag === ENTRY
        if (isWanted) parts.push(part(this.#list, UNREADABLE_FIELD))
        this.#skip = end - this.#filled
        if (this.#list !== 0) this.#listLeft -= size
        this.#filled = 0
        return
      }
      if (this.#list !== 0) this.#listLeft -= size
      at = end
    }
    handOn()
    const isCut = this.#left === 0 && (at < this.#filled || this.#list !== 0)
    if (isCut) this.#giveUp(parts)
    else this.#keep(at, needed)
  }

  /** What follows cannot be read: the decoder is shown that, and the rest is thrown away. */
  #giveUp(parts: Buffer[]): void {
    parts.push(part(0, MALFORMED_MESSAGE))
    this.#filled = 0
    this.#list = 0
    this.#skip = this.#left
  }

  /** Moves the rest to the front, of a larger buffer if its first field needs one. */
  #keep(from: number, needed: number): void {
    const room = Math.max(this.#partBytes, needed)
    const old = this.#pending
    if (room !== old.length) this.#pending = Buffer.allocUnsafeSlow(room)
    this.#filled = old.copy(this.#pending, 0, from, this.#filled)
  }

  /** Where the field ends whose tag ends at `#next`; for lists and texts `#next` moves to the content. */
  #fieldEnd(tag: number, depth: number): number {
    if (tag < 8 || tag > 0xffffffff) return BROKEN
    switch (tag & 7) {
      case 0: {
        const value = this.#varint(this.#next)
        return value < 0 ? value : this.#next
      }
      case 1:
        return this.#next + 8
      case 2: {
        const length = this.#varint(this.#next)
        return length < 0 ? length : this.#next + length
      }
      case 3:
        return this.#groupEnd(Math.floor(tag / 8), depth)
      case 5:
        return this.#next + 4
      default:
        return BROKEN
    }
  }

  #groupEnd(field: number, depth: number): number {
    if (depth >= MAX_GROUP_DEPTH) return BROKEN
    for (let at = this.#next; ; ) {
      const tag = this.#varint(at)
      if (tag < 0) return tag
      if (tag % 8 === 4) return Math.floor(tag / 8) === field ? this.#next : BROKEN
      const end = this.#fieldEnd(tag, depth + 1)
      if (end < 0 || end > this.#filled) return Math.min(end, INCOMPLETE)
      at = end
    }
  }

  /** An unsigned varint; moves `#next` behind it. */
  #varint(at: number): number {
    const bytes = this.#pending
    const last = Math.min(at + MAX_VARINT_BYTES, this.#filled)
    let value = 0
    let scale = 1
    for (let i = at; i < last; i++) {
      const byte = bytes[i] as number
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) {
        this.#next = i + 1
        return value
      }
    }
    return last - at === MAX_VARINT_BYTES ? BROKEN : INCOMPLETE
  }
}

/** The last of the parts from index `from` on ends the message; where there is none, an empty one does. */
function endLast(parts: Buffer[], from: number): void {
  const last = parts.length > from ? parts.pop() : undefined
  const framed = last?.subarray(0, last.length - GOES_ON.length) ?? Buffer.alloc(FRAME_HEADER_BYTES)
  framed.writeUInt32BE(framed.length - FRAME_HEADER_BYTES, 1)
  parts.push(framed)
}

/**
 * A message in its frame: whole fields of a list (by its tag), or of the top level (0), and that the
 * message goes on.
 */
function part(list: number, fields: Buffer): Buffer {
  const header = list === 0 ? [] : [list, ...varint(fields.length)]
  const size = header.length + fields.length + GOES_ON.length
  const framed = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + size)
  framed[0] = 0
  framed.writeUInt32BE(size, 1)
  framed.set(header, FRAME_HEADER_BYTES)
  framed.set(fields, FRAME_HEADER_BYTES + header.length)
  framed.set(GOES_ON, framed.length - GOES_ON.length)
  return framed
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return bytes
}
