/**
 * Offsets in the newest moments that a message says, by its sender's clock: unix ms, or `NO_TIME`
 * where it says none.
 */
export const Said = {
  /** The newest start or end: the clock showed at least this when the message was sent. */
  moment: 0,
  /** The newest end. */
  end: 1,
  /** The newest start in an entry that is written when a connection opens. */
  opening: 2,
} as const

/** How many there are. */
export const SAID_MOMENTS = 3
