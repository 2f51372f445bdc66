import type { SampleBatch } from './model/sample.ts'
import { sharedPool } from './runtime/fair-share.ts'

/** Rows of samples that wait in all, shared out among senders; about 120 bytes each. */
const MAX_ROWS = 262_144
/** Samples of one message that wait at most: what waits is booked in one turn of the loop. */
const MOST_SAMPLES = 32_768
/** What the columns of a batch take beside their rows, in rows. */
const ROWS_OF_A_BATCH = 32
/** The samples of a message wait so long for the rest of it at most, by arrivals, ms. */
const LONGEST_WAIT_MS = 10_000
/** Samples of overdue messages that are booked per ms of arrivals: a message of the most in a second. */
const BOOKED_PER_MS = 32
/** What comes of a message this long after its first part counts as a message of its own, ms. */
const LONGEST_MESSAGE_MS = 5 * 60_000

/** A message that has begun to arrive, in parts, and has not ended. */
export class UnfinishedMessage<Stream> {
  readonly stream: Stream
  /** `Sender.key` of the stream. */
  readonly sender: string
  /** When its first part arrived, unix ms: nothing that it says is newer. */
  readonly arrivalMs: number
  /** What waits for the rest of it, part by part. */
  batches: SampleBatch[] = []
  /** Samples in these, and the rows that count for them. */
  samples = 0
  rows = 0
  /** When the first of these arrived, unix ms. */
  sinceMs = 0

  constructor(stream: Stream, sender: string, arrivalMs: number) {
    this.stream = stream
    this.sender = sender
    this.arrivalMs = arrivalMs
  }

  /** Whether a part that arrives now still belongs to it. */
  goesOnAt(nowMs: number): boolean {
    return nowMs - this.arrivalMs <= LONGEST_MESSAGE_MS
  }
}

/**
 * The samples of messages that have not ended. They wait for the rest, so that a message in parts gives the
 * same names and moments as a whole one; bounded by number, shared out among senders, and by time. What
 * finds no room or has waited for too long is not lost: its owner books it by what has come so far.
 */
export class UnfinishedMessages<Stream> {
  readonly pool = sharedPool(MAX_ROWS)
  /** Those of which samples wait; the one that waits longest is first. */
  readonly #waiting = new Set<UnfinishedMessage<Stream>>()
  /** No overdue message is booked before this, unix ms of arrivals. */
  #nextMs = 0

  /** Messages of which samples wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Copies the rows of a batch; false, and nothing is copied, if there is no room for them. */
  keep(message: UnfinishedMessage<Stream>, batch: SampleBatch, nowMs: number): boolean {
    const rows = batch.count + ROWS_OF_A_BATCH
    if (message.samples + batch.count > MOST_SAMPLES) return false
    if (!this.pool.hasRoom(message.sender, rows)) return false
    this.pool.take(message.sender, rows)
    if (message.batches.length === 0) message.sinceMs = nowMs
    message.batches.push(batch.copy())
    message.samples += batch.count
    message.rows += rows
    this.#waiting.add(message)
    return true
  }

  /** Gives what waits of a message, in order, and forgets it. */
  take(message: UnfinishedMessage<Stream>): SampleBatch[] {
    const { batches } = message
    if (batches.length === 0) return batches
    this.pool.release(message.sender, message.rows)
    this.#waiting.delete(message)
    if (this.#waiting.size === 0) this.#nextMs = 0
    message.batches = []
    message.samples = 0
    message.rows = 0
    return batches
  }

  /** All samples that wait. */
  *batches(): Generator<SampleBatch> {
    for (const { batches } of this.#waiting) yield* batches
  }

  /**
   * Messages of which samples have waited for too long; each is to be taken before the next. Many that are
   * overdue together come one after the other. Which of them come until a moment follows from the arrivals
   * alone, however often this is called: a replay has the same.
   */
  *overdue(nowMs: number): Generator<UnfinishedMessage<Stream>> {
    for (const message of this.#waiting) {
      const dueMs = Math.max(message.sinceMs + LONGEST_WAIT_MS, this.#nextMs)
      if (nowMs < dueMs) return
      this.#nextMs = dueMs + message.samples / BOOKED_PER_MS
      yield message
    }
  }

  /** Messages of the sender of which most waits. */
  ofLargest(): UnfinishedMessage<Stream>[] {
    const largest = this.pool.largest()
    return [...this.#waiting].filter(({ sender }) => sender === largest)
  }
}
