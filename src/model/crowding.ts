/** Whether senders bring more than commits make room for. */
export const Crowding = {
  none: 0,
  /** A sender takes much of what is left: its next bytes should wait for a commit. */
  sender: 1,
  /** Everything is nearly taken: all should wait. */
  all: 2,
} as const

export type Crowding = (typeof Crowding)[keyof typeof Crowding]

export function moreCrowded(one: Crowding, other: Crowding): Crowding {
  return one > other ? one : other
}

/** Of the room that is left, what may be taken between two commits: by all together, and by one sender. */
const PART_OF_ALL = 8
const PART_OF_ONE = 16

/**
 * @param room what could be taken if all commits were done
 * @param total what is taken until a commit gives it back
 * @param own what one sender has taken of it
 * @param sure what this sender may take whatever others have
 */
export function crowdingOf(room: number, total: number, own: number, sure: number): Crowding {
  if (total >= room / PART_OF_ALL && total > sure / 2) return Crowding.all
  return own >= Math.max(sure / 2, room / PART_OF_ONE) ? Crowding.sender : Crowding.none
}
