import type { CloudEvent } from './usage-event.ts'

/** Why a sink does not take an event until somebody acts; a metric's label. */
export type RefusalReason =
  | 'message_too_large'
  | 'topic_unknown'
  | 'not_authorized'
  | 'invalid_record'

/** Reasons that are about the whole place and not about one event. */
const OF_EVERYTHING: ReadonlySet<RefusalReason> = new Set(['topic_unknown', 'not_authorized'])

/**
 * Whether a refusal holds for every event alike: none of them is parked, they wait in the outbox, and
 * one is tried from time to time, so that it heals by itself.
 */
export function refusesEverything(reason: RefusalReason): boolean {
  return OF_EVERYTHING.has(reason)
}

/** What became of one event of a `publish`. */
export type Delivery =
  /** It is durable where it went. */
  | { readonly kind: 'acknowledged' }
  /** Not known to be there (it may be); the same event is to be sent again. */
  | { readonly kind: 'retry'; readonly message: string }
  /** It is not there, and sending it again changes nothing until somebody acts. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }

/**
 * A destination of usage events. One `publish` is under way at a time; the relay owns order across
 * calls, retries and back-off. At least once: an event may come again, always with the same content.
 */
export interface Sink {
  /** Most events of one `publish`. */
  readonly batchEvents: number
  /**
   * Sends events, in order per `partitionkey`: an event is acknowledged only after those before it with
   * the same key were acknowledged or refused. Resolves with one delivery per event, in their order,
   * within a deadline of its own; connects by itself when it has to. Never rejects. Without events it
   * only gets ready: what is left of an earlier run is finished.
   */
  publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]>
  /** Lets go of connections and files, within a few seconds. Safe twice and without `publish`. */
  stop(): Promise<void>
}
