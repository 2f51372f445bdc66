/**
 * Every reason an entry can be refused, in the order of their indexes. Entries received = samples
 * applied + the sum of these, always.
 */
export const REJECT_REASONS = [
  /** The message is no StreamAccessLogsMessage; counts once per message, whatever it held. */
  'malformed_message',
  /** One entry is no valid protobuf; its neighbours count. */
  'malformed_entry',
  /** Types 7 to 10: upstream attempts and tunnels of a request that is counted elsewhere. */
  'uncounted_type',
  /** A type this version does not know. */
  'unknown_type',
  /** No stream id, and not the only word of an old Envoy (< 1.25): a listener-filter death, or not final. */
  'no_connection_id',
  /** A request that has not ended: requests count once, at their final entry. */
  'request_in_progress',
  /** A counter above 2^50. */
  'implausible_counter',
  /** Periodic entry dropped because memory ran short; the next one heals it. */
  'shed',
  /** No room for the connection: nothing is booked until its final entry. */
  'no_room',
  /** A final entry for which there was no room at all (commits have failed for long): its bytes are lost. */
  'final_lost',
  /** A sample of a connection that another node reported first: the connection stays as it is. */
  'other_node',
] as const

export type RejectReason = (typeof REJECT_REASONS)[number]

/** Index of a reason in `REJECT_REASONS`. */
export const Reject = Object.fromEntries(
  REJECT_REASONS.map((reason, index) => [reason, index]),
) as Readonly<Record<RejectReason, number>>
