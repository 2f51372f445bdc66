import type { Config } from '../config.ts'
import type { Finding } from '../model/finding.ts'
import type { Parked } from '../model/outbox.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { RelayStats } from '../outbox/relay.ts'
import type { SinkCondition } from '../outbox/sink-log.ts'

/** What the thread is made with. */
export type FanOutConfig = Pick<Config, 'kafka' | 'files' | 'log'> & {
  readonly store: { readonly path: string }
}

/** What the thread tells: outcomes, each answered by its id once it is in the file, and figures. */
export type FromFanOut =
  | {
      readonly kind: 'acknowledge'
      readonly id: number
      readonly sink: string
      readonly sequences: readonly number[]
    }
  | {
      readonly kind: 'acknowledgeHours'
      readonly id: number
      readonly sink: string
      readonly sequences: readonly number[]
    }
  | {
      readonly kind: 'park'
      readonly id: number
      readonly sink: string
      readonly events: readonly Parked[]
    }
  | {
      readonly kind: 'remember'
      readonly id: number
      readonly sink: string
      readonly memory: TopicMemory
    }
  | {
      readonly kind: 'stats'
      readonly stats: Readonly<Record<string, RelayStats>>
      readonly conditions: Readonly<Record<string, SinkCondition>>
      /** What is wrong with the topics of sinks. */
      readonly findings: Readonly<Record<string, readonly Finding[]>>
    }
  | {
      readonly kind: 'admit'
      readonly id: number
      readonly sink: string
      readonly found: readonly Stamp[]
    }
  | { readonly kind: 'stopped' }

/** What the thread is told. */
export type ToFanOut =
  | { readonly kind: 'settled'; readonly id: number; readonly admission?: Admission | undefined }
  | { readonly kind: 'unsettled'; readonly id: number; readonly message: string }
  /** Somebody has acted: what waits for its back-off is tried at once, and topics are looked at. */
  | { readonly kind: 'retry' }
  | { readonly kind: 'stop'; readonly withinMs: number }
