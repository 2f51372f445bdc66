import type { StoreBatch } from '../model/batch.ts'
import type { StoredConnection } from '../model/connection.ts'
import type { StoreOpening } from '../model/opening.ts'
import type { OutboxState, Parked } from '../model/outbox.ts'
import type { ReceiverGap } from '../model/receiver-gap.ts'
import type { Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { PairPage } from '../model/used-pairs.ts'
import type { EndedState } from './ended-connections.ts'
import type { PairIds } from './used-pairs.ts'
import type { Admitted, WriterConfig } from './writer.ts'

/** What the main thread asks of the storage thread; each request is answered once, by its number. */
export type Request =
  | { readonly kind: 'open'; readonly config: WriterConfig; readonly nowMs: number }
  | { readonly kind: 'commit'; readonly batch: StoreBatch }
  | { readonly kind: 'lookup'; readonly keys: Uint8Array }
  /** A page of open connections, in the order of their keys. */
  | { readonly kind: 'loadOpen'; readonly afterKey: Uint8Array; readonly limit: number }
  /** A page of the pairs that were used in a time, in the order of their ids. */
  | {
      readonly kind: 'pairsBetween'
      readonly fromMs: number
      readonly toMs: number
      readonly after: PairIds
      readonly most: number
    }
  | { readonly kind: 'admit'; readonly sink: string; readonly found: readonly Stamp[] }
  | { readonly kind: 'acknowledge'; readonly sink: string; readonly sequences: readonly number[] }
  | {
      readonly kind: 'acknowledgeHours'
      readonly sink: string
      readonly sequences: readonly number[]
    }
  | { readonly kind: 'park'; readonly sink: string; readonly events: readonly Parked[] }
  | { readonly kind: 'retryParked' }
  | { readonly kind: 'rememberTopic'; readonly sink: string; readonly memory: TopicMemory }
  | { readonly kind: 'tidy' }
  /** Whether the file is where it was opened. */
  | { readonly kind: 'check' }
  /** Gives up on a batch that does not go in; its commit is answered with `store_uncommitted`. */
  | { readonly kind: 'abandon' }
  /** A receiver takes entries from now on. */
  | { readonly kind: 'receiving'; readonly nowMs: number }
  | { readonly kind: 'close'; readonly stoppedMs: number | undefined }

export interface Answers {
  readonly open: StoreOpening
  readonly commit: CommitOutcome
  readonly lookup: (StoredConnection | undefined)[]
  readonly loadOpen: StoredConnection[]
  readonly pairsBetween: PairPage
  readonly admit: Admitted
  readonly acknowledge: OutboxState
  readonly acknowledgeHours: OutboxState
  readonly park: OutboxState
  readonly retryParked: OutboxState
  readonly rememberTopic: undefined
  readonly receiving: ReceiverGap | undefined
  readonly tidy: undefined
  readonly check: undefined
  readonly abandon: undefined
  readonly close: undefined
}

export interface CommitOutcome {
  /** Rows refused for their content: set aside in the file, not retried. */
  readonly rowsRefused: number
  /** Totals that have reached 2^63-1 by this batch. */
  readonly saturated: number
  readonly outbox: OutboxState
  /** Where the mark of the minutes is, if the batch says that the wall clock was set. */
  readonly minutesFromMs?: number | undefined
  readonly ended: EndedState
  /** Time of the attempt that went in. */
  readonly durationMs: number
}

/** Commits fail: told at the first failure and every ten seconds while it lasts. */
export interface Trouble {
  readonly code: string
  readonly message: string
  readonly attempts: number
  readonly sinceMs: number
}

export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** `id` 0 answers no request: the thread has found by itself that the file is damaged. */
  | {
      readonly kind: 'failure'
      readonly id: number
      readonly code: string
      readonly message: string
    }
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'recovered' }
