import type { FileClock } from './batch.ts'

/** What a store says of its file when it has opened it. */
export interface StoreOpening {
  /** Random, made with the file: which ledger this is. */
  readonly ledgerId: string
  /** Sequence number of the last applied batch; 0 for a new file. */
  readonly lastSequence: number
  /** All zero for a new file. */
  readonly clock: FileClock
  /** Newest last arrival (unix ms) of any connection row that retention has deleted; 0 = none. A replay that begins at or before it is refused. */
  readonly forgottenBeforeMs: number
  /** No sink needs a minute row before this; minutes may be compacted up to it, unix ms. */
  readonly minutesHoldMs: number
  /** Window lengths, ascending by `fromMs`; the first begins at 0. A length divides a day. */
  readonly windowLengths: readonly { readonly fromMs: number; readonly seconds: number }[]
}
