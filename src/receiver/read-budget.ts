import { FairShare } from '../runtime/fair-share.ts'

/** What every sender may always hold beside what every stream may. */
const GUARANTEED_BYTES = 256 * 1024
/**
 * What every stream may hold without waiting: all but the largest entries and compressed messages. A
 * stream that waits costs more, its window of 1 MiB.
 */
const FREE_BYTES = 66 * 1024
/** Streams that wait fill their windows: beyond this multiple of the budget the largest are cut. */
const CUT_ABOVE = 2
/** While streams wait, what became of the budget is looked at this often, ms. */
const LOOK_EVERY_MS = 50
/** A stream goes on when there is room for this many bytes. */
const STEP_BYTES = 64 * 1024
/** How long a stream may go on without room, ms, if no other could go on. */
const TURN_MS = 5000

/** A stream that reads, as the budget knows it. */
export interface BudgetedReader {
  /** `Sender.key`. */
  readonly key: string
  /** Bytes that are read and not handled, now. */
  readonly held: number
  /** Bytes until its message is whole. */
  readonly missing: number
  /** Bytes that the budget counts for it; the budget's own, 0 at first. */
  counted: number
  pause(): void
  resume(): void
  /** Ends it, with everything that it holds. */
  cut(): void
}

/**
 * One budget for what streams hold, read and not yet handled, beyond what every stream may hold; shared out
 * by sender. A stream whose sender has no room stops reading (flow control stops the sender) until there is
 * some. One always goes on, so that something becomes whole and room comes back.
 */
export class ReadBudget {
  /** Streams that were cut because senders went on into full windows. */
  cuts = 0
  readonly #share: FairShare
  readonly #waiting = new Set<BudgetedReader>()
  /** Goes on without room, until then. */
  #turn: { readonly reader: BudgetedReader; readonly untilMs: number } | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param bytes what one sender may hold while it is alone */
  constructor(bytes: number) {
    this.#share = new FairShare(bytes, GUARANTEED_BYTES)
  }

  /** Bytes of streams that hold more than most. */
  get held(): number {
    return this.#share.total
  }

  /** Streams that have stopped reading. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** To be called whenever what a reader holds may have changed. Cheap for what most streams hold. */
  update(reader: BudgetedReader): void {
    if (reader.counted === 0 && reader.held <= FREE_BYTES) return
    const grown = this.#count(reader)
    if (grown <= 0 || this.#waiting.has(reader) || this.#turn?.reader === reader) return
    if (this.#share.hasRoom(reader.key, 0)) return
    this.#waiting.add(reader)
    reader.pause()
    this.#lookSoon()
  }

  /** The reader is gone: what it held is free. */
  leave(reader: BudgetedReader): void {
    this.#share.release(reader.key, reader.counted)
    reader.counted = 0
    this.#waiting.delete(reader)
    if (this.#turn?.reader === reader) this.#turn = undefined
  }

  #count(reader: BudgetedReader): number {
    const { held, counted } = reader
    const now = held <= FREE_BYTES ? 0 : held
    if (now > counted) this.#share.take(reader.key, now - counted)
    else if (now < counted) this.#share.release(reader.key, counted - now)
    reader.counted = now
    return now - counted
  }

  #lookSoon(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  #look(): void {
    this.#timer = undefined
    // What a paused stream had under way arrives in its window all the same.
    for (const reader of this.#waiting) this.#count(reader)
    this.#cutLargest()
    for (const reader of this.#nearestFirst()) {
      if (this.#share.hasRoom(reader.key, STEP_BYTES)) this.#goOn(reader)
    }
    this.#giveTurn()
    if (this.#waiting.size > 0) this.#lookSoon()
  }

  #nearestFirst(): BudgetedReader[] {
    return [...this.#waiting].sort((a, b) => a.missing - b.missing)
  }

  #goOn(reader: BudgetedReader): void {
    this.#waiting.delete(reader)
    reader.resume()
  }

  /** Somebody must get on, or nothing would ever become whole. */
  #giveTurn(): void {
    const nowMs = performance.now()
    if (this.#turn !== undefined && nowMs < this.#turn.untilMs && this.#turn.reader.counted > 0)
      return
    const last = this.#turn?.reader
    const [next] = this.#nearestFirst().filter((reader) => reader !== last)
    this.#turn = next === undefined ? undefined : { reader: next, untilMs: nowMs + TURN_MS }
    if (next !== undefined) this.#goOn(next)
  }

  #cutLargest(): void {
    let total = 0
    for (const reader of this.#waiting) total += reader.counted
    const most = CUT_ABOVE * this.#share.limit
    if (total <= most) return
    const ofSender = (reader: BudgetedReader): number => this.#share.held(reader.key)
    const largestFirst = [...this.#waiting].sort(
      (a, b) => ofSender(b) - ofSender(a) || b.counted - a.counted,
    )
    for (const reader of largestFirst) {
      if (total <= most) return
      total -= reader.counted
      this.cuts++
      this.leave(reader)
      reader.cut()
    }
  }
}
