import { Said } from '../model/said-moments.ts'
import { NO_TIME, type SampleBatch } from '../model/sample.ts'

/** What is this late at most needs no proof: Envoy sends an entry within a second, by default. */
const NEAR_MS = 10_000
/** The oldest end of a backlog that is believed where the receiver does not know of an absence. */
const MOST_BACKLOG_MS = 24 * 3_600_000
/** An opening is late by the time that its connect took; only beyond this does it speak of a clock. */
const SLOW_CONNECT_MS = 60_000
/** No connection is this old that was never reported before: its start is of no clock at all. */
const OLDEST_START_MS = 30 * 24 * 3_600_000

/** When the receiver was not there, as far as it knows: what a backlog can be explained by. */
export interface Absence {
  /** The newest moment before it, unix ms; 0 = there was none (a new file). */
  readonly fromMs: number
  /** Until then a first message can hold what was kept meanwhile, unix ms. */
  untilMs: number
  /** For so long a node may send late entries without any that is not, ms. */
  readonly settleMs: number
}

/** What is known of the clock of one Envoy, by all of its streams. */
export class NodeClock {
  /** It has been seen not to be behind, and not been contradicted since. */
  isRight = false
  /** How far it is behind, ms; 0 = not known to be. */
  behindMs = 0
  /** Since when all that it sends is late, unix ms; 0 = the newest message was not. */
  lateSinceMs = 0
}

/**
 * Which moments of a stream are believed (ADR 9). A moment is the sender's clock, and may wait for long
 * before it is sent. An end is believed as far back as a backlog can explain; else its arrival counts.
 *
 * One stream sends in order: an entry is never older than the message before. A clock that is behind
 * contradicts that at once, or it is late in every message, which a backlog never is for long.
 */
export class StreamClock {
  readonly #absence: Absence
  #node: NodeClock
  /** What the next message says is not older than this, unix ms; `NO_TIME` before the first. */
  #floorMs = NO_TIME
  /** Whether all that the stream has sent was late, and can be one backlog in several messages. */
  #isCatchingUp = false
  /** How late it was when it had last caught up, ms; when that was, unix ms; and whether it ever has. */
  #markLagMs = 0
  #markAtMs = 0
  #hasCaughtUp = false
  /** The backlog may have gathered while the receiver was away. */
  #wasAbsent = false
  /** Of the message that is judged: its arrival, unix ms, and what it has said so far, by `Said`. */
  #arrivalMs = 0
  #latestMs = NO_TIME
  #latestOpeningMs = NO_TIME
  #oldestEndMs = NO_TIME
  /** The oldest end that could be in it, and the oldest that is believed, unix ms. */
  #reachMs = 0
  #fromMs = 0
  /** The newest end that it has said so far, unix ms; `NO_TIME` without one. */
  latestEndMs = NO_TIME
  /** Ends of the message judged last that were not believed, and how far back the oldest lay, ms. */
  disbelieved = 0
  furthestMs = 0

  constructor(absence: Absence, node: NodeClock) {
    this.#absence = absence
    this.#node = node
  }

  /** The stream has said whose it is. */
  belongsTo(node: NodeClock): void {
    this.#node = node
  }

  /** Takes what a whole message says (by `Said`), and its first samples, before any of them is dated. */
  judge(said: Float64Array, batch: SampleBatch, arrivalMs: number): void {
    this.begin(arrivalMs)
    this.#noteSaid(said)
    this.#conclude(batch, true)
  }

  /** A message begins to arrive: its parts are judged together, by the arrival of the first. */
  begin(arrivalMs: number): void {
    this.#arrivalMs = arrivalMs
    this.#latestMs = NO_TIME
    this.#latestOpeningMs = NO_TIME
    this.#oldestEndMs = NO_TIME
    this.latestEndMs = NO_TIME
    if (arrivalMs - this.#markAtMs > NEAR_MS) this.#isCatchingUp = false
    this.#reachMs = this.#reachesBackTo(arrivalMs)
  }

  /** Takes what a part of the message says, with its samples. */
  takePart(said: Float64Array, batch: SampleBatch): void {
    this.#noteSaid(said)
    const oldest = oldestEnd(batch)
    const isOlder = this.#oldestEndMs === NO_TIME || oldest < this.#oldestEndMs
    if (oldest !== NO_TIME && isOlder) this.#oldestEndMs = oldest
  }

  /**
   * Judges the message by all parts so far, before their samples are dated. `isWhole`: there are no more.
   * May be called for each of several runs of parts.
   */
  conclude(isWhole: boolean): void {
    this.#conclude(undefined, isWhole)
  }

  #noteSaid(said: Float64Array): void {
    this.#latestMs = Math.max(this.#latestMs, said[Said.moment] as number)
    this.#latestOpeningMs = Math.max(this.#latestOpeningMs, said[Said.opening] as number)
    this.latestEndMs = Math.max(this.latestEndMs, said[Said.end] as number)
  }

  #conclude(batch: SampleBatch | undefined, isWhole: boolean): void {
    const node = this.#node
    const arrivalMs = this.#arrivalMs
    const latestMs = this.#latestMs
    const lagMs = arrivalMs - latestMs
    this.disbelieved = 0
    this.furthestMs = 0
    this.#fromMs = this.#reachMs
    if (latestMs !== NO_TIME && lagMs <= NEAR_MS) {
      node.isRight = true
      node.behindMs = 0
      node.lateSinceMs = 0
      this.#isCatchingUp = false
      this.#floorMs = arrivalMs
    } else if (this.#saysHowLate(lagMs)) {
      const oldest = batch === undefined ? this.#oldestEndMs : oldestEnd(batch)
      if (this.#isBacklog(oldest, isWhole)) {
        if (node.lateSinceMs === 0) node.lateSinceMs = arrivalMs
        this.#floorMs = latestMs
      } else {
        node.isRight = false
        node.behindMs = lagMs
        node.lateSinceMs = 0
        this.#fromMs = arrivalMs - NEAR_MS
        this.#floorMs = arrivalMs
      }
    }
  }

  /** Takes back from the samples of the message what is not believed. */
  date(batch: SampleBatch, arrivalMs: number): void {
    const { behindMs } = this.#node
    for (let i = 0; i < batch.count; i++) {
      const start = batch.startMs[i] as number
      if (start === NO_TIME) continue
      const duration = batch.durationMs[i] as number
      if (duration !== NO_TIME) {
        if (start + duration >= this.#fromMs) continue
        // A duration is measured by another clock, which nobody sets.
        batch.durationMs[i] = NO_TIME
        batch.beganMs[i] = Math.max(0, arrivalMs - duration)
        this.disbelieved++
        const backMs = arrivalMs - start - duration
        if (backMs > this.furthestMs) this.furthestMs = backMs
      } else if (arrivalMs - start > OLDEST_START_MS) batch.beganMs[i] = NO_TIME
      else if (behindMs > 0) batch.beganMs[i] = Math.min(arrivalMs, start + behindMs)
    }
  }

  /** The oldest end that could be in a message that arrives now, if its clock is right. */
  #reachesBackTo(arrivalMs: number): number {
    // A later floor is of the receiver's clock as it was before it was set back.
    const isFollowing = this.#floorMs !== NO_TIME && !this.#isCatchingUp
    if (isFollowing) return Math.min(this.#floorMs, arrivalMs) - NEAR_MS
    const { fromMs } = this.#absence
    const backlog = arrivalMs - MOST_BACKLOG_MS
    return fromMs > 0 && fromMs < backlog ? fromMs - NEAR_MS : backlog
  }

  /** Whether the message holds what is sent as soon as it has happened, unless it has to wait. */
  #saysHowLate(lagMs: number): boolean {
    if (this.latestEndMs !== NO_TIME) return true
    return this.#latestOpeningMs !== NO_TIME && lagMs > SLOW_CONNECT_MS
  }

  /** Whether a message of which everything is late can be a backlog, or a part of one. */
  #isBacklog(oldestEndMs: number, isWhole: boolean): boolean {
    const { isRight, behindMs, lateSinceMs } = this.#node
    const arrivalMs = this.#arrivalMs
    const latestMs = this.#latestMs
    const lagMs = arrivalMs - latestMs
    if (this.#floorMs === NO_TIME && !isRight && behindMs === 0)
      this.#beginToCatchUp(lagMs, arrivalMs)
    else if (this.#isCatchingUp) this.#goOnCatchingUp(lagMs, arrivalMs)
    if (latestMs < this.#fromMs) return false
    // What was gathered for longer than it is late is a backlog by itself. How late it is at its end is not
    // known yet of a message that goes on: it was gathered for longer than Envoy waits for more.
    const gatheredMs = isWhole || behindMs > 0 ? lagMs : NEAR_MS
    if (oldestEndMs >= this.#fromMs && latestMs - oldestEndMs >= gatheredMs) return true
    if (this.#isCatchingUp) {
      const { fromMs } = this.#absence
      return this.#hasCaughtUp || (this.#wasAbsent && latestMs >= fromMs - NEAR_MS)
    }
    if (behindMs > 0 || !isRight) return false
    return lateSinceMs === 0 || arrivalMs - lateSinceMs <= this.#absence.settleMs
  }

  /** The stream begins with what is late, and nothing is known of its node's clock. */
  #beginToCatchUp(lagMs: number, arrivalMs: number): void {
    const { fromMs, untilMs } = this.#absence
    this.#isCatchingUp = true
    this.#hasCaughtUp = false
    this.#wasAbsent = fromMs > 0 && arrivalMs <= untilMs
    this.#markLagMs = lagMs
    this.#markAtMs = arrivalMs
  }

  /** A backlog gets less and less late from message to message; a clock that is behind stays behind. */
  #goOnCatchingUp(lagMs: number, arrivalMs: number): void {
    if (lagMs <= this.#markLagMs - NEAR_MS) {
      this.#hasCaughtUp = true
      this.#markLagMs = lagMs
      this.#markAtMs = arrivalMs
    }
  }
}

/** The oldest end that these samples say, `NO_TIME` without one. */
function oldestEnd(batch: SampleBatch): number {
  let oldest = NO_TIME
  for (let i = 0; i < batch.count; i++) {
    const start = batch.startMs[i] as number
    const duration = batch.durationMs[i] as number
    if (start === NO_TIME || duration === NO_TIME) continue
    if (oldest === NO_TIME || start + duration < oldest) oldest = start + duration
  }
  return oldest
}
