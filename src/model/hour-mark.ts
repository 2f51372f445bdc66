import type { UsageCounts } from './usage-event.ts'

/** One revision of the statement that a sink has acknowledged everything of an hour. */
export interface HourMark {
  readonly ledgerId: string
  readonly instance: string
  readonly sink: string
  readonly hourStartMs: number
  /** 1, 2, … per hour and sink. */
  readonly revision: number
  /** Usage rows of the hour that the sink has. */
  readonly rows: bigint
  /** What their newest revisions come to; at most 2^63-1 each. */
  readonly total: UsageCounts
}
