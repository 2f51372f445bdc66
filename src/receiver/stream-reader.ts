import { constants } from 'node:http2'
import type { CallInternals } from './grpc-internals.ts'
import { type FramerLimits, MessageFramer, type PartCounters } from './message-framer.ts'
import { FRAME_HEADER_BYTES } from './message-parts.ts'
import type { BudgetedReader, ReadBudget } from './read-budget.ts'
import type { ReadTurn } from './read-turns.ts'
import type { Unpacker, Unpacking } from './unpacker.ts'

/** Progress of an unfinished message is at least this many bytes in the time that it has. */
const PROGRESS_BYTES = 16 * 1024

/** What all readers share. */
export interface Reading {
  readonly limits: FramerLimits
  readonly counters: PartCounters
  readonly budget: ReadBudget
  readonly unpacker: Unpacker
  /** The turns of a stream's connection; undefined if there are none. */
  readonly turnOf: (call: CallInternals) => ReadTurn | undefined
}

/** Reads a stream's messages in grpc-js's place, within the budget. */
export class StreamReader implements BudgetedReader {
  readonly key: string
  counted = 0
  readonly #framer: MessageFramer
  readonly #call: CallInternals
  readonly #reading: Reading
  /** The turns of its connection; undefined if there are none. */
  readonly turn: ReadTurn | undefined
  readonly #handOn: (message: Buffer) => void
  #isPaused = false
  #isEnding = false
  /** Compressed bytes that wait to be unpacked. */
  #packed = 0
  readonly #unpacking = new Set<Unpacking>()
  /** Bytes since the last progress, and the time in which they came while we read, ms. */
  #received = 0
  #waitedMs = 0
  #hasFirst = false

  /** `handOn` takes the parts of an unpacked message but the last, which comes as messages do. */
  constructor(
    call: CallInternals,
    key: string,
    reading: Reading,
    handOn: (message: Buffer) => void,
  ) {
    this.key = key
    this.#call = call
    this.#reading = reading
    this.turn = reading.turnOf(call)
    this.#handOn = handOn
    this.#framer = new MessageFramer(reading.limits, reading.counters)
    call.decoder = this
    call.decompressMessage = (framed, encoding) =>
      framed[0] === 0 ? framed.subarray(FRAME_HEADER_BYTES) : this.#unpack(framed, encoding)
  }

  get held(): number {
    const inWindow = this.#isPaused ? this.#call.stream.readableLength : 0
    return this.#framer.held + this.#packed + inWindow
  }

  get missing(): number {
    return this.#framer.missing
  }

  /** Takes a packet; gives the messages that are whole by it, in frames. Throws on one that is too large. */
  write(data: Buffer): Buffer[] {
    this.turn?.arrived()
    this.#received += data.length
    const messages = this.#framer.write(data)
    if (messages.length > 0) {
      this.#hasFirst = true
      this.#progress()
    }
    if (!this.#isEnding) this.#reading.budget.update(this)
    return messages
  }

  /**
   * What is wrong if too little came while we read: `silent` before the first message, `stalled` inside
   * of one. Between messages a stream may be quiet for ever.
   */
  waited(elapsedMs: number, timeoutMs: number): 'silent' | 'stalled' | undefined {
    if (this.#isPaused || this.#isEnding || this.#packed > 0) return undefined
    if (this.turn?.isBehind === true) return undefined
    const isWaitedFor = this.#framer.isUnfinished || !this.#hasFirst
    if (!isWaitedFor || this.#received >= PROGRESS_BYTES) this.#progress()
    else this.#waitedMs += elapsedMs
    if (this.#waitedMs < timeoutMs) return undefined
    return this.#hasFirst || this.#framer.isUnfinished ? 'stalled' : 'silent'
  }

  pause(): void {
    this.#isPaused = true
    this.#call.stream.pause()
  }

  resume(): void {
    this.#isPaused = false
    // While a message waits to be handed on grpc-js has stopped reading itself, and goes on itself.
    if (this.#call.isReadPending) this.#call.stream.resume()
  }

  cut(): void {
    this.#call.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** The stream is being ended: what is under way is read without waiting. */
  ending(): void {
    this.#isEnding = true
    this.#reading.budget.leave(this)
    if (this.#isPaused) this.resume()
  }

  /** The stream is gone. */
  close(): void {
    this.#isEnding = true
    this.#reading.budget.leave(this)
    for (const { forget } of this.#unpacking) forget()
  }

  #progress(): void {
    this.#received = 0
    this.#waitedMs = 0
  }

  async #unpack(framed: Buffer, encoding: string): Promise<Buffer> {
    const { budget, unpacker } = this.#reading
    this.#packed += framed.length
    const unpacking = unpacker.unpack(framed, encoding, this.key, async (part) => {
      this.#handOn(part)
      await this.turn?.untilReleased()
    })
    this.#unpacking.add(unpacking)
    try {
      return await unpacking.content
    } finally {
      this.#unpacking.delete(unpacking)
      this.#packed -= framed.length
      if (!this.#isEnding) budget.update(this)
    }
  }
}
