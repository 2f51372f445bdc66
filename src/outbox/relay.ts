import { setTimeout as sleep } from 'node:timers/promises'
import type { Parked } from '../model/outbox.ts'
import type { Delivery, Sink } from '../model/sink.ts'
import type { CloudEvent, FrozenUsage } from '../model/usage-event.ts'
import { Backoff } from '../runtime/backoff.ts'
import type { Logger } from '../telemetry/logger.ts'
import { SampledLogger } from '../telemetry/sampled-logger.ts'
import { usageEvent } from './usage-event.ts'

/** With nothing to send the outbox is looked at this often, ms. */
const POLL_MS = 250
/** Pauses between attempts: they double up to the longest, with jitter, ms. */
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
/** The same trouble is logged once in this time, ms. */
const LOG_EVERY_MS = 60_000

/** What waits for a sink, in the order of its freezing. */
interface OutboxReader {
  /** Events after a sequence number (the first is 1). Throws if the file cannot be read now. */
  page(sink: string, afterSequence: number, limit: number): readonly OutboxEvent[]
}

interface OutboxEvent {
  readonly sequence: number
  readonly usage: FrozenUsage
}

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
 * past an event that is not settled (acknowledged or refused), so nothing can overtake it. While a page
 * is published the outcomes of the one before are being committed. Trouble is retried for ever, with
 * pauses; what is not acknowledged stays in the outbox, and a crash only means that it is sent again.
 */
export class Relay {
  readonly #name: string
  readonly #deps: RelayDependencies
  readonly #pauseFor: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #log: SampledLogger
  readonly #backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
  readonly #stats = {
    sent: 0,
    acknowledged: 0,
    retried: 0,
    parkedByReason: {} as Record<string, number>,
  }
  #after = 0
  #failing = false
  #stopped = false
  #pausing = new AbortController()
  #settling: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined

  constructor({ name }: { readonly name: string }, deps: RelayDependencies) {
    this.#name = name
    this.#deps = deps
    this.#pauseFor = deps.pause ?? pause
    this.#log = new SampledLogger(deps.logger, {
      intervalMs: LOG_EVERY_MS,
      monotonicMs: deps.monotonicMs ?? (() => performance.now()),
    })
  }

  get stats(): RelayStats {
    return this.#stats
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Somebody has acted: the next attempt is made now. */
  retryNow(): void {
    this.#backoff.reset()
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
      if (page.length === 0) await this.#pause(POLL_MS)
      else await this.#deliver(page)
    }
    await this.#settling
  }

  #read(): readonly OutboxEvent[] {
    const { reader, sink } = this.#deps
    try {
      const page = reader.page(this.#name, this.#after, sink.batchEvents)
      this.#after = page.at(-1)?.sequence ?? this.#after
      return page
    } catch (error) {
      this.#warn({ error: messageOf(error) }, 'the outbox cannot be read; it is tried again')
      return []
    }
  }

  /** Until every event of the page is settled. */
  async #deliver(page: readonly OutboxEvent[]): Promise<void> {
    let left: readonly Attempt[] = page.map((event) => ({
      event,
      cloudEvent: usageEvent(event.usage),
    }))
    while (left.length > 0 && !this.#stopped) {
      const deliveries = await this.#publish(left)
      const again = left.filter((_, i) => deliveries[i]?.kind === 'retry')
      if (again.length < left.length) this.#backoff.reset()
      await this.#settle(left, deliveries)
      left = again
      if (left.length > 0) await this.#pause(this.#backoff.next())
    }
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
    let trouble: string | undefined
    deliveries.forEach((delivery, i) => {
      if (delivery.kind === 'acknowledged') stats.acknowledged++
      else if (delivery.kind === 'retry') {
        stats.retried++
        trouble = delivery.message
      } else {
        const { reason, message } = delivery
        stats.parkedByReason[reason] = (stats.parkedByReason[reason] ?? 0) + 1
        // Names in an event are chosen by clients: the id finds it in the view `publications`.
        const id = attempts[i]?.cloudEvent.id
        this.#warn({ reason, detail: message, id }, 'an event is refused; it is parked')
      }
    })
    if (this.#stopped) return
    if (trouble !== undefined) {
      this.#failing = true
      this.#warn({ detail: trouble }, 'the sink does not take events; they wait in the outbox')
    } else if (this.#failing) {
      this.#failing = false
      this.#deps.logger.info({ sink: this.#name }, 'the sink takes events again')
    }
  }

  /** Outcomes go into the file behind the next publish, one page of them at a time. */
  async #settle(attempts: readonly Attempt[], deliveries: readonly Delivery[]): Promise<void> {
    const acknowledged: number[] = []
    const parked: Parked[] = []
    attempts.forEach(({ event: { sequence } }, i) => {
      const delivery = deliveries[i]
      if (delivery?.kind === 'acknowledged') acknowledged.push(sequence)
      if (delivery?.kind === 'refused') parked.push({ sequence, ...delivery })
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
        this.#warn({ error: messageOf(error) }, 'an outcome is not in the file; it is told again')
        await this.#pause(backoff.next())
      }
    }
  }

  #warn(fields: object, message: string): void {
    this.#log.warn({ sink: this.#name, ...fields }, message)
  }

  /** Ends early at `stop` and `retryNow`. */
  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return
    if (this.#pausing.signal.aborted) this.#pausing = new AbortController()
    await this.#pauseFor(ms, this.#pausing.signal)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // It rejects when the signal aborts.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const deadline = new AbortController()
  await Promise.race([work, pause(ms, deadline.signal)])
  deadline.abort()
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
