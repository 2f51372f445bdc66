import { Meter } from '../model/connection.ts'
import { NO_COUNTER, SampleKind } from '../model/sample.ts'

/** First release whose entries carry wire counters (proto 1.26). */
const WIRE_BYTES_SINCE = 1026

/**
 * The pair of counters a connection is read by, chosen at its first sample (design: rules of the
 * ledger, 2). UDP has no wire counters; entries with a type come from Envoy >= 1.27, which has them;
 * for entries without one the sender's release decides, and an unknown sender is read plainly.
 */
export function chooseMeter(entryType: number, envoyMinor: number): number {
  if (entryType >= 11 && entryType <= 13) return Meter.plain
  if (entryType !== 0) return Meter.wire
  return envoyMinor >= WIRE_BYTES_SINCE ? Meter.wire : Meter.plain
}

/**
 * What a sample's counters say by the meter of its connection, in one direction. By `wire` it is the
 * wire counter, but of a connection never more than the plain one where the entry carries that: in a
 * tunnel (CONNECT, POST) Envoy counts the payload twice on the wire, and the framing with it. Both
 * counters only grow, so the smaller one does, too. Requests are read by wire alone: their plain
 * counters are sizes of uncompressed headers and bodies.
 */
export function metered(meter: number, kind: number, wire: number, plain: number): number {
  if (meter !== Meter.wire) return plain === NO_COUNTER ? 0 : plain
  if (kind !== SampleKind.connection || plain === NO_COUNTER) return wire
  return plain < wire ? plain : wire
}

/** What a cumulative counter grew by: never negative, whatever is repeated, late or reordered. */
export function growth(maximum: number, counter: number): number {
  return counter > maximum ? counter - maximum : 0
}

/**
 * The moment of a sample: start + duration where the entry has a duration (finals), else its
 * arrival; whole ms, never after the arrival.
 */
export function momentOf(startMs: number, durationMs: number, arrivalMs: number): number {
  if (startMs < 0 || durationMs < 0) return arrivalMs
  const moment = Math.floor(startMs + durationMs)
  return moment < arrivalMs ? moment : arrivalMs
}

/**
 * Where the first span of a connection begins: at its start (`began`, as far as that is believed), unless
 * the node's clock puts that after the sample; at the sample where no start is known. Whole ms.
 */
export function beginOf(began: number, moment: number): number {
  if (began < 0) return moment
  const start = Math.floor(began)
  return start < moment ? start : moment
}

/**
 * Estimated bytes that an orphaned connection carried after its last word: its last rate for at most
 * one flush interval. Shown in coverage, never billed.
 */
export function lostTail(
  lastDeltaBytes: number,
  spanStartMs: number,
  spanEndMs: number,
  flushIntervalMs: number,
): number {
  const spanMs = spanEndMs - spanStartMs
  if (lastDeltaBytes <= 0) return 0
  // A delta that took less than a flush interval says nothing of a longer time.
  return Math.round(lastDeltaBytes * Math.min(1, flushIntervalMs / Math.max(spanMs, 1)))
}
