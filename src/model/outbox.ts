/** How publishing is set up. */
export interface OutboxConfig {
  /** Name of the logical instance; stored with the first sink, and another one is refused then. */
  readonly instance: string
  /** Time after its end at which a window closes, and between two revisions of a row, ms. */
  readonly graceMs: number
  /** Names of the sinks that are to get events; others that the file knows keep their place. */
  readonly sinks: readonly string[]
  /** Names of the sinks that get a mark per hour. */
  readonly hours?: readonly string[]
  /** Frozen, unacknowledged events per sink at most. */
  readonly maxEvents: number
  /** While a sink has this many parked events nothing more is frozen for it. */
  readonly maxParked: number
}

/** How far a sink is, as of a commit. */
export interface SinkState {
  readonly name: string
  /** False for one that the file knows and the configuration does not. */
  readonly configured: boolean
  /** The file is an older copy of one that has sent under this name: nothing is sent. */
  readonly restored: boolean
  /** Frozen and not acknowledged. */
  readonly events: number
  /** Marks of hours that wait. */
  readonly hours: number
  /** Refused and set aside. */
  readonly parked: number
  /** Age of the oldest event that waits, by the file's newest moment, ms; 0 = none. */
  readonly oldestMs: number
  /** Time from the end of the last window that the sink has all of to the end of the newest closed one, ms. */
  readonly lagMs: number
}

/** A refused event, to be set aside. */
export interface Parked {
  readonly sequence: number
  readonly reason: string
  readonly message: string
}

/** What publishing came to in a transaction. */
export interface OutboxState {
  readonly sinks: readonly SinkState[]
  /** No sink needs a minute row before this any more; minutes may be compacted up to it, unix ms. */
  readonly minutesHoldMs: number
  /**
   * The next moment at which something is to be frozen though nothing arrives, unix ms: a window's end + grace, or
   * a late change that waits. Infinite without sinks.
   */
  readonly dueMs: number
}
