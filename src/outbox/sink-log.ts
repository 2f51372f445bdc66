import type { Delivery, RefusalReason } from '../model/sink.ts'
import { refusesEverything } from '../model/sink.ts'
import type { Logger } from '../telemetry/logger.ts'

/** `up`: it takes events. `down`: they are to be sent again. `refusing`: it answers, and takes none. */
export type SinkCondition = 'up' | 'down' | 'refusing'

/** Within one condition the same line is logged once in this time, ms. */
const LOG_EVERY_MS = 60_000
/** Different lines within one condition; what comes beyond them counts as the same. */
const MAX_LINES = 20

const DOWN = 'the sink does not take events; they wait in the outbox'
const REFUSING = 'the sink refuses all events; they wait in the outbox, and one of them is tried'
const REFUSES = 'the sink has refused every event of the last attempt'
const FIX =
  "remove the cause, then send SIGHUP to serve (or restart it): they are sent again, in order; `snimeter sinks` counts them, the view publications lists them (state = 'parked')"

interface Details {
  readonly reason?: RefusalReason
  readonly detail: string
}

interface ParkedCount {
  events: number
  readonly detail: string
  readonly id: string
}

/**
 * What the log says of one sink. Every change of its condition is logged at once; what repeats while a
 * condition lasts is limited, with `suppressed`, how often it was left out. Parked events are counted: a
 * line says how many there are since the line before, and none is left out of the sum.
 */
export class SinkLog {
  readonly #sink: string
  readonly #logger: Logger
  readonly #monotonicMs: () => number
  #condition: SinkCondition = 'up'
  #lines = new Map<string, { loggedMs: number; suppressed: number }>()
  readonly #parked = new Map<RefusalReason, ParkedCount>()
  #parkedLoggedMs = new Map<RefusalReason, number>()

  constructor(sink: string, logger: Logger, monotonicMs: () => number) {
    this.#sink = sink
    this.#logger = logger
    this.#monotonicMs = monotonicMs
  }

  get condition(): SinkCondition {
    return this.#condition
  }

  /** What came of an attempt; `ids` are of the events, in the order of the deliveries. */
  attempted(ids: readonly string[], deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const held = deliveries.find((one) => one.kind === 'refused' && refusesEverything(one.reason))
    const retry = deliveries.findLast((one) => one.kind === 'retry')
    deliveries.forEach((delivery, i) => this.#notePark(delivery, ids[i] ?? ''))
    if (held?.kind === 'refused') {
      this.#enter('refusing', REFUSING, { reason: held.reason, detail: held.message })
    } else if (retry?.kind === 'retry') {
      this.#enter('down', DOWN, { detail: retry.message })
    } else if (deliveries.some(({ kind }) => kind === 'acknowledged')) {
      this.#recover()
    } else {
      this.#refusesEach(deliveries)
    }
    this.flush()
  }

  /** Logs parked events that were held back, once their time has come; `now` = before it, at the end. */
  flush(now = false): void {
    if (this.#parked.size === 0) return
    const nowMs = this.#monotonicMs()
    for (const [reason, { events, detail, id }] of this.#parked) {
      const loggedMs = this.#parkedLoggedMs.get(reason)
      if (!now && loggedMs !== undefined && nowMs - loggedMs < LOG_EVERY_MS) continue
      this.#parkedLoggedMs.set(reason, nowMs)
      this.#parked.delete(reason)
      const text =
        events === 1 ? 'an event is refused; it is parked' : 'events are refused; they are parked'
      this.#warn({ events, reason, detail, id, fix: FIX }, text)
    }
  }

  /** Trouble of another kind: limited like the rest. */
  trouble(fields: object, message: string): void {
    this.#limited(message, fields, message)
  }

  /** Names in an event are chosen by clients: the id finds it in the view `publications`. */
  #notePark(delivery: Delivery, id: string): void {
    if (delivery.kind !== 'refused' || refusesEverything(delivery.reason)) return
    const { reason, message } = delivery
    const count = this.#parked.get(reason)
    if (count === undefined) this.#parked.set(reason, { events: 1, detail: message, id })
    else count.events++
  }

  /** Nothing was taken although it answers. It has not recovered. */
  #refusesEach(deliveries: readonly Delivery[]): void {
    const [first] = deliveries
    if (first?.kind !== 'refused') return
    const { reason, message } = first
    if (this.#condition === 'refusing') return
    this.#enter('refusing', REFUSES, { reason, detail: message })
  }

  #recover(): void {
    if (this.#condition === 'up') return
    this.#change('up')
    this.#logger.info({ sink: this.#sink }, 'the sink takes events again')
  }

  #enter(condition: SinkCondition, message: string, fields: Details): void {
    if (condition !== this.#condition) this.#change(condition)
    this.#limited(`${message}\n${fields.detail}`, fields, message)
  }

  #change(condition: SinkCondition): void {
    this.#condition = condition
    this.#lines = new Map()
    // What is counted and not logged yet is logged with the change.
    this.#parkedLoggedMs = new Map()
  }

  #limited(key: string, fields: object, message: string): void {
    const nowMs = this.#monotonicMs()
    const known = this.#lines.has(key) || this.#lines.size < MAX_LINES ? key : 'others'
    const line = this.#lines.get(known)
    if (line !== undefined && nowMs - line.loggedMs < LOG_EVERY_MS) {
      line.suppressed++
      return
    }
    this.#lines.set(known, { loggedMs: nowMs, suppressed: 0 })
    const suppressed = line?.suppressed ?? 0
    this.#warn(suppressed === 0 ? fields : { ...fields, suppressed }, message)
  }

  #warn(fields: object, message: string): void {
    this.#logger.warn({ sink: this.#sink, ...fields }, message)
  }
}
