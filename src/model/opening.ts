import type { FileClock } from './batch.ts'
import type { ClockStep } from './clock-step.ts'

/** What a store says of its file when it has opened it. */
export interface StoreOpening {
  /** Random, made with the file: which ledger this is. */
  readonly ledgerId: string
  /** Sequence number of the last applied batch; 0 for a new file. */
  readonly lastSequence: number
  /** All zero for a new file. `newestMs` is at most where arrivals begin. */
  readonly clock: FileClock
  /** Whether arrivals have the times of a wall clock (`serve`), not recorded ones. */
  readonly wallClock?: boolean
  /** How moments of the file's connections move: those since `fromMs` by `byMs`, and none is later than now. */
  readonly restoring?: { readonly fromMs: number; readonly byMs: number } | undefined
  /** The last commit was on this machine, since its start: the file's moments and those of now are of one clock. */
  readonly sameClock?: boolean
  /** The wall clock was set between the last commit and now, as far as that can be known. */
  readonly step?: ClockStep | undefined
  /** Newest last arrival (unix ms) of any connection row that retention has deleted; 0 = none. A replay that begins at or before it is refused. */
  readonly forgottenBeforeMs: number
  /** Rows with starts until then may have the identity of a node that was not known yet, unix ms; 0 = none has. */
  readonly namedSinceMs?: number
  /** Pairs of pod and name that the file has in the hour of its newest moment. */
  readonly podsOfHour?: number
  /** No sink needs a minute row before this; minutes may be compacted up to it, unix ms. */
  readonly minutesHoldMs: number
  /** The next moment at which something is to be frozen for a sink though nothing arrives, unix ms; none if undefined. */
  readonly dueMs?: number
  /** Window lengths, ascending by `fromMs`; the first begins at 0. A length divides a day. */
  readonly windowLengths: readonly { readonly fromMs: number; readonly seconds: number }[]
}
