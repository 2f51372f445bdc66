import { refusesEverything, type Sink } from '../model/sink.ts'
import type { CloudEvent } from '../model/usage-event.ts'
import { usageEvent } from '../outbox/usage-event.ts'
import { Backoff } from '../runtime/backoff.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { beforeWindow, PublicationReader } from '../store/publication-reader.ts'

/** Attempts without any progress before it gives up. */
const ATTEMPTS = 10

export interface RepublishOptions {
  readonly path: string
  readonly name: string
  readonly sink: Sink
  /** Windows that start in `[sinceMs, untilMs)`, unix ms. */
  readonly sinceMs: number
  readonly untilMs: number
  /** Pauses between attempts. */
  readonly pause: (ms: number) => Promise<unknown>
  /** Why nothing may be sent at all: asked after each attempt, and thrown. */
  readonly refusal?: () => Error | undefined
  readonly progress?: (events: number) => void
}

/** What was sent again. */
export interface Republished {
  readonly events: number
  /** Refused events: id and reason. */
  readonly refused: readonly string[]
}

/**
 * Sends every revision of a range again, in the order of window, workload, name and revision: the same
 * ids with the same contents, so that a topic can be made anew. Runs beside a server; changes nothing in
 * the file. Throws `sink_unknown`, `range_compacted` (minutes of the range are hours by now), and
 * `file_restored` (the file is an older copy), `sink_unavailable` when the sink takes nothing any more.
 */
export async function republish(options: RepublishOptions): Promise<Republished> {
  const { path, name, sink, sinceMs, untilMs } = options
  const reader = new PublicationReader(path)
  try {
    const refused: string[] = []
    let events = 0
    let after = beforeWindow(sinceMs)
    for (;;) {
      const { usages, next } = reader.revisions(name, after, untilMs, sink.batchEvents)
      // Looked at after every page: a server moves the mark first and compacts then, so a page from
      // which something was missing begins before it.
      checkRange(reader, name, after[0])
      refused.push(...(await deliver(usages.map(usageEvent), options)))
      events += usages.length
      options.progress?.(events)
      if (next === undefined) return { events, refused }
      after = next
    }
  } finally {
    reader.close()
  }
}

function checkRange(reader: PublicationReader, name: string, sinceMs: number): void {
  if (!reader.sinks().includes(name)) {
    throw new ServiceError('sink_unknown', `the file knows no sink '${name}'; see snimeter sinks`)
  }
  const fromMs = reader.minutesFromMs()
  if (sinceMs < fromMs) {
    throw new ServiceError(
      'range_compacted',
      `revisions are kept from ${new Date(fromMs).toISOString()} on (store.retention.minutes); begin there or later`,
    )
  }
}

/** Sends until every event is acknowledged or refused; gives the refused ones. */
async function deliver(
  events: readonly CloudEvent[],
  options: RepublishOptions,
): Promise<string[]> {
  const refused: string[] = []
  const backoff = new Backoff({ firstMs: 200, maxMs: 5000 })
  let left = events
  for (let attempts = 0; left.length > 0; attempts++) {
    const deliveries = await options.sink.publish(left)
    const refusal = options.refusal?.()
    if (refusal !== undefined) throw refusal
    let trouble = ''
    const again = left.filter((event, i) => {
      const delivery = deliveries[i]
      if (delivery?.kind === 'acknowledged') return false
      if (delivery?.kind === 'refused') {
        if (refusesEverything(delivery.reason)) {
          const { message } = delivery
          throw new ServiceError(
            'sink_unavailable',
            `${options.name} refuses all events: ${message}`,
          )
        }
        refused.push(`${event.id}: ${delivery.reason}`)
        return false
      }
      trouble = delivery?.message ?? 'the sink gave no answer'
      return true
    })
    if (again.length < left.length) attempts = 0
    left = again
    if (left.length === 0) break
    if (attempts >= ATTEMPTS) {
      throw new ServiceError('sink_unavailable', `${options.name} does not take events: ${trouble}`)
    }
    await options.pause(backoff.next())
  }
  return refused
}
