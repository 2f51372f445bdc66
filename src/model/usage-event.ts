import type { Destination } from './destination.ts'
import type { Workload } from './source.ts'

/** Why a revision was published: its window closed, or it changed afterwards. */
export type Reason = 'window_closed' | 'late'

/** What was counted for one window, workload and name; never negative, at most 2^63-1. */
export interface UsageCounts {
  readonly uploadBytes: bigint
  readonly downloadBytes: bigint
  /** Part of the two above whose moment within a span of several windows is a guess. */
  readonly estimatedBytes: bigint
  readonly connectionsOpened: bigint
  readonly connectionsClosed: bigint
}

/**
 * One revision of one usage row, frozen for one sink. Everything that leaves the process is a pure
 * function of this (no clock, no program version), so that the same id never carries two contents.
 */
export interface FrozenUsage {
  /** Random, made with the file. */
  readonly ledgerId: string
  /** Name of the logical instance (config `instance`), never of a pod. */
  readonly instance: string
  /** Name of the sink: each has revisions of its own. */
  readonly sink: string
  readonly windowStartMs: number
  readonly windowSeconds: number
  readonly workload: Workload
  readonly destination: Destination
  /** 1, 2, … per row and sink. */
  readonly revision: number
  readonly reason: Reason
  /** Absolute totals of this revision. */
  readonly total: UsageCounts
  /** Absolute totals of revision - 1; undefined for the first. */
  readonly previous: UsageCounts | undefined
}

/** A CloudEvents 1.0 event, ready for any transport. All values are final texts. */
export interface CloudEvent {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  /** RFC 3339: the end of the window. */
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly dataschema: string
  readonly partitionkey: string
  /** The JSON text of `data`. */
  readonly data: string
}
