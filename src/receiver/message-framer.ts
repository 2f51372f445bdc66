import { FRAME_HEADER_BYTES, MessageParts, PART_BYTES } from './message-parts.ts'

/** Memory is taken for this many times what has come: one allocation for a message in four packets. */
const AHEAD = 4
const LEAST_BYTES = 4096
const EMPTY = Buffer.alloc(0)

export interface FramerLimits {
  /** A larger message ends its stream, bytes. */
  readonly messageBytes: number
  /** As `messageBytes`, of compressed messages: they are held whole. */
  readonly compressedBytes: number
}

/** What parts add to the numbers of messages and of their bytes. */
export interface PartCounters {
  extraParts: number
  extraBytes: number
}

/**
 * Puts the messages of a stream together, in place of grpc-js's decoder: with the same frames, and
 * without holding more than `held`, or the packets that a part of a message came in.
 */
export class MessageFramer {
  readonly #limits: FramerLimits
  readonly #counters: PartCounters
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES)
  #headerFilled = 0
  /** A message that is gathered whole, with its frame. */
  #whole: Buffer | undefined
  #filled = 0
  #size = 0
  /** Why nothing can be read any more. */
  #broken: Error | undefined
  #parts: MessageParts | undefined

  constructor(limits: FramerLimits, counters: PartCounters) {
    this.#limits = limits
    this.#counters = counters
  }

  /** Memory that the unfinished message takes. */
  get held(): number {
    return this.#parts?.held ?? this.#whole?.length ?? 0
  }

  /** Bytes that the unfinished message, or the part of it that must be held, still needs. */
  get missing(): number {
    return this.#parts?.left ?? this.#size - this.#filled
  }

  /** Whether a message has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#headerFilled > 0
  }

  /**
   * Takes bytes of the stream; gives what is whole by them, in frames. Throws if a message is larger than
   * its limit, with the next bytes if others were whole before it; then the stream cannot be read any more.
   */
  write(data: Buffer): Buffer[] {
    if (this.#broken !== undefined) throw this.#broken
    const messages: Buffer[] = []
    let at = 0
    while (at < data.length) {
      if (this.#headerFilled < FRAME_HEADER_BYTES) {
        const size = this.#headerFilled === 0 ? this.#sizeAt(data, at) : undefined
        if (size !== undefined && at + size <= data.length) {
          // The usual case: it came in one packet.
          messages.push(data.subarray(at, at + size))
          at += size
        } else at = this.#readHeader(data, at)
      } else at = this.#readMessage(data, at, messages)
      if (this.#broken !== undefined) {
        if (messages.length === 0) throw this.#broken
        return messages
      }
      if (this.#isWhole) this.#finish(messages)
    }
    return messages
  }

  /** Bytes of the message and its frame, if all of it may be in the packet. */
  #sizeAt(data: Buffer, at: number): number | undefined {
    if (data.length - at < FRAME_HEADER_BYTES || data[at] !== 0) return undefined
    const size = data.readUInt32BE(at + 1)
    return size <= Math.min(PART_BYTES, this.#limits.messageBytes)
      ? FRAME_HEADER_BYTES + size
      : undefined
  }

  #readHeader(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + FRAME_HEADER_BYTES - this.#headerFilled)
    this.#headerFilled += data.copy(this.#header, this.#headerFilled, at, end)
    if (this.#headerFilled === FRAME_HEADER_BYTES) this.#begin()
    return end
  }

  #begin(): void {
    const isCompressed = this.#header[0] !== 0
    const size = this.#header.readUInt32BE(1)
    const { messageBytes, compressedBytes } = this.#limits
    const limit = isCompressed ? Math.min(messageBytes, compressedBytes) : messageBytes
    if (size > limit) {
      this.#broken = new Error(`received a message larger than max (${size} vs ${limit})`)
      return
    }
    if (size > PART_BYTES && !isCompressed) {
      this.#size = size
      this.#parts = new MessageParts(size)
      return
    }
    this.#size = FRAME_HEADER_BYTES + size
    this.#whole = EMPTY
    this.#filled = FRAME_HEADER_BYTES
  }

  #readMessage(data: Buffer, at: number, messages: Buffer[]): number {
    const end = Math.min(data.length, at + this.missing)
    if (this.#parts === undefined) {
      this.#grow(this.#filled + end - at)
      this.#filled += data.copy(this.#whole as Buffer, this.#filled, at, end)
      return end
    }
    const before = messages.length
    this.#parts.write(data.subarray(at, end), messages)
    for (let i = before; i < messages.length; i++) {
      this.#counters.extraParts++
      this.#counters.extraBytes += (messages[i] as Buffer).length - FRAME_HEADER_BYTES
    }
    return end
  }

  /** Room for `filled` bytes: what somebody only claims to send takes no memory. */
  #grow(filled: number): void {
    const old = this.#whole as Buffer
    if (filled <= old.length) return
    const room = Math.max(LEAST_BYTES, AHEAD * filled)
    this.#whole = Buffer.allocUnsafeSlow(Math.min(this.#size, room))
    const before = old.length === 0 ? this.#header : old
    before.copy(this.#whole, 0, 0, this.#filled)
  }

  get #isWhole(): boolean {
    return this.#headerFilled === FRAME_HEADER_BYTES && this.missing === 0
  }

  #finish(messages: Buffer[]): void {
    // An empty message has had no byte to take memory for.
    if (this.#whole !== undefined)
      messages.push(this.#size > FRAME_HEADER_BYTES ? this.#whole : Buffer.from(this.#header))
    if (this.#parts !== undefined) {
      this.#counters.extraParts--
      this.#counters.extraBytes -= this.#size
    }
    this.#headerFilled = 0
    this.#whole = undefined
    this.#parts = undefined
    this.#filled = 0
    this.#size = 0
  }
}
