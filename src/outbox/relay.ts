import { setTimeout as sleep } from 'node:timers/promises'
import type { Parked } from '../model/outbox.ts'
import { type Delivery, refusesEverything, type Sink } from '../model/sink.ts'
import type { CloudEvent, FrozenUsage } from '../model/usage-event.ts'
import { Backoff } from '../runtime/backoff.ts'
import { within } from '../runtime/within.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type SinkCondition, SinkLog } from './sink-log.ts'
import { usageEvent } from './usage-event.ts'

/** With nothing to send the outbox is looked at this often, ms. */
const POLL_MS = 250
/** Pauses between attempts: they double up to the longest, with jitter, ms. */
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
/** While everything is refused one event is tried after such pauses, ms. */
const FIRST_PROBE_MS = 5000
const LONGEST_PROBE_MS = 30_000

/** What waits for a sink, in the order of its freezing. */
interface OutboxReader {
  /** Events after a sequence number (the first is 1). Throws if the file cannot be read now. */
  page(sink: string, afterSequence: number, limit: number): readonly OutboxEvent[]
}

/** A revision of usage, or an event that is ready. */
type OutboxEvent = { readonly sequence: number } & (
  | { readonly usage: FrozenUsage }
  | { readonly event: CloudEvent }
)

/** Where outcomes are kept; both resolve when that is in the file. */
interface Outcomes {
  acknowledge(sink: string, sequences: readonly number[]): Promise<void>
  park(sink: string, events: readonly Parked[]): Promise<void>
}

/** Counted since the relay was made. */
export interface RelayStats {
  /** Handed to the sink, repeats included. */
  readonly sent: number
  readonly acknowledged: number
  /** Had to be sent again. */
  readonly retried: number
  readonly parkedByReason: Readonly<Record<string, number>>
}

export interface RelayDependencies {
  readonly sink: Sink
  readonly reader: OutboxReader
  readonly outcomes: Outcomes
  readonly logger: Logger
  /** A monotonic clock, ms. */
  readonly monotonicMs?: () => number
  /** Pauses in tests; must end early when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

interface Attempt {
  readonly event: OutboxEvent
  readonly cloudEvent: CloudEvent
}

const UNANSWERED: Delivery = { kind: 'retry', message: 'the sink gave no answer' }

/**
 * Carries a sink's events from the outbox to where they go. A page at a time, in order: nothing is read
 * past an event that is not settled (acknowledged or parked), so nothing can overtake it. While a page
 * is published the outcomes of the one before are being committed. Trouble is retried for ever, with
 * pauses; what is not acknowledged stays in the outbox, and a crash only means that it is sent again. What
 * the sink refuses for itself is parked; where it refuses everything nothing is, and the first event alone
 * is tried until it is taken.
 */
export class Relay {
  readonly #name: string
  readonly #deps: RelayDependencies
  readonly #pauseFor: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #log: SinkLog
  readonly #backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
  readonly #probes = new Backoff({ firstMs: FIRST_PROBE_MS, maxMs: LONGEST_PROBE_MS })
  readonly #stats = {
    sent: 0,
    acknowledged: 0,
    retried: 0,
    parkedByReason: {} as Record<string, number>,
  }
  #after = 0
  /** Everything was refused: one event at a time is tried. */
  #probing = false
  #stopped = false
  #pausing = new AbortController()
  #settling: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined

  constructor({ name }: { readonly name: string }, deps: RelayDependencies) {
    this.#name = name
    this.#deps = deps
    this.#pauseFor = deps.pause ?? pause
    const monotonicMs = deps.monotonicMs ?? (() => performance.now())
    this.#log = new SinkLog(name, deps.logger, monotonicMs)
  }

  get stats(): RelayStats {
    return this.#stats
  }

  /** Whether the sink takes events, as of the last attempt. */
  get condition(): SinkCondition {
    return this.#log.condition
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Somebody has acted: the next attempt is made now. */
  retryNow(): void {
    this.#backoff.reset()
    this.#probes.reset()
    this.#pausing.abort()
  }

  /** Ends within the given time; what is not acknowledged stays in the outbox. Safe twice and without `start`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped = true
    this.#pausing.abort()
    await within(withinMs, Promise.all([this.#deps.sink.stop(), this.#running]))
  }

  async #run(): Promise<void> {
    await this.#publish([])
    while (!this.#stopped) {
      const page = this.#read()
      this.#log.flush()
      if (page.length === 0) await this.#pause(POLL_MS)
      else await this.#deliver(page)
    }
    await this.#settling
    this.#log.flush(true)
  }

  #read(): readonly OutboxEvent[] {
    const { reader, sink } = this.#deps
    try {
      const page = reader.page(this.#name, this.#after, sink.batchEvents)
      this.#after = page.at(-1)?.sequence ?? this.#after
      return page
    } catch (error) {
      this.#log.trouble({ error: messageOf(error) }, 'the outbox cannot be read; it is tried again')
      return []
    }
  }

  /** Until every event of the page is settled. */
  async #deliver(page: readonly OutboxEvent[]): Promise<void> {
    let left: readonly Attempt[] = page.map((event) => ({
      event,
      cloudEvent: 'event' in event ? event.event : usageEvent(event.usage),
    }))
    while (left.length > 0 && !this.#stopped) {
      const batch = this.#probing ? left.slice(0, 1) : left
      const deliveries = await this.#publish(batch)
      const again = batch.filter((_, i) => !isSettled(deliveries[i]))
      const pauseMs = this.#pauseAfter(deliveries)
      await this.#settle(batch, deliveries)
      left = [...again, ...left.slice(batch.length)]
      if (again.length > 0) await this.#pause(pauseMs)
    }
  }

  /** How long to wait if something is to be sent again, ms; also decides how much is sent then. */
  #pauseAfter(deliveries: readonly Delivery[]): number {
    if (deliveries.some(isSettled)) {
      this.#backoff.reset()
      this.#probes.reset()
      this.#probing = false
    }
    if (!deliveries.some(isHeld)) return this.#backoff.next()
    this.#probing = true
    return this.#probes.next()
  }

  async #publish(attempts: readonly Attempt[]): Promise<readonly Delivery[]> {
    let answers: readonly Delivery[] = []
    let unanswered = UNANSWERED
    try {
      answers = await this.#deps.sink.publish(attempts.map(({ cloudEvent }) => cloudEvent))
    } catch (error) {
      unanswered = { kind: 'retry', message: messageOf(error) }
    }
    const deliveries = attempts.map((_, i) => answers[i] ?? unanswered)
    this.#stats.sent += attempts.length
    this.#tell(attempts, deliveries)
    return deliveries
  }

  /** Counts and logs what came of it. */
  #tell(attempts: readonly Attempt[], deliveries: readonly Delivery[]): void {
    const stats = this.#stats
    for (const delivery of deliveries) {
      if (delivery.kind === 'acknowledged') stats.acknowledged++
      else if (delivery.kind === 'retry' || isHeld(delivery)) stats.retried++
      else stats.parkedByReason[delivery.reason] = (stats.parkedByReason[delivery.reason] ?? 0) + 1
    }
    if (this.#stopped) return
    const ids = attempts.map(({ cloudEvent }) => cloudEvent.id)
    this.#log.attempted(ids, deliveries)
  }

  /** Outcomes go into the file behind the next publish, one page of them at a time. */
  async #settle(attempts: readonly Attempt[], deliveries: readonly Delivery[]): Promise<void> {
    const acknowledged: number[] = []
    const parked: Parked[] = []
    attempts.forEach(({ event: { sequence } }, i) => {
      const delivery = deliveries[i]
      if (delivery?.kind === 'acknowledged') acknowledged.push(sequence)
      if (delivery?.kind === 'refused' && !isHeld(delivery)) parked.push({ sequence, ...delivery })
    })
    await this.#settling
    this.#settling = this.#insist(async () => {
      const { outcomes } = this.#deps
      if (acknowledged.length > 0) await outcomes.acknowledge(this.#name, acknowledged)
      if (parked.length > 0) await outcomes.park(this.#name, parked)
    })
  }

  /** An outcome that is not in the file would never leave the outbox: it is told until it is. */
  async #insist(tell: () => Promise<void>): Promise<void> {
    const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
    for (;;) {
      try {
        await tell()
        return
      } catch (error) {
        if (this.#stopped) return
        this.#log.trouble(
          { error: messageOf(error) },
          'an outcome is not in the file; it is told again',
        )
        await this.#pause(backoff.next())
      }
    }
  }

  /** Ends early at `stop` and `retryNow`. */
  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return
    if (this.#pausing.signal.aborted) this.#pausing = new AbortController()
    await this.#pauseFor(ms, this.#pausing.signal)
  }
}

/** Refused for a reason that holds for every event alike: it stays in the outbox. */
const isHeld = (delivery: Delivery): boolean =>
  delivery.kind === 'refused' && refusesEverything(delivery.reason)

const isSettled = (delivery: Delivery | undefined): boolean =>
  delivery !== undefined && delivery.kind !== 'retry' && !isHeld(delivery)

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // It rejects when the signal aborts.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
