import { GOES_ON_TAG } from '../model/message-mark.ts'

/**
 * The parts of a StreamAccessLogsMessage that may be recorded: its log entries. Identifiers (node
 * metadata with annotations and proxy configuration), unknown fields and whatever cannot be read
 * never reach a recording.
 */
export interface Recordable {
  /** Ranges `[start, end)` of the message with its `http_logs` and `tcp_logs`, in order. */
  readonly ranges: readonly (readonly [number, number])[]
  /** Something was left out that cannot be read: a replay must count the message as malformed as well. */
  readonly malformed: boolean
  /** The message goes on in the next one of its stream (`GOES_ON`). */
  readonly goesOn: boolean
}

/** Fields of StreamAccessLogsMessage, as tags: http_logs = 2 and tcp_logs = 3, length-delimited. */
const HTTP_LOGS = 18
const TCP_LOGS = 26
/** As deep as the decoder goes. */
const MAX_GROUP_DEPTH = 32

/** Walks the top level of a message; never throws because of its bytes. */
export function recordableOf(message: Uint8Array): Recordable {
  const ranges: [number, number][] = []
  const end = message.length
  let at = 0
  let goesOn = false
  while (at < end) {
    const tag = tagAt(message, at, end)
    if (tag === undefined) return { ranges, malformed: true, goesOn }
    const isLogs = tag.value === HTTP_LOGS || tag.value === TCP_LOGS
    // Of a list that is cut short the decoder counts the whole entries.
    const next = isLogs ? endOfLogs(message, tag.next) : skip(message, tag.next, end, tag.value, 0)
    if (next === undefined) return { ranges, malformed: true, goesOn }
    if (isLogs) {
      const last = ranges.at(-1)
      if (last !== undefined && last[1] === at) last[1] = next
      else ranges.push([at, next])
    }
    if (tag.value === GOES_ON_TAG) goesOn = varint(message, tag.next, end)?.value !== 0
    at = next
  }
  return { ranges, malformed: false, goesOn }
}

/** Where a list of entries ends: at the end of the message if it claims more. */
function endOfLogs(message: Uint8Array, at: number): number | undefined {
  const length = varint(message, at, message.length)
  return length && Math.min(message.length, length.next + length.value)
}

/** Where a field's value ends; undefined if it is malformed or passes the end. */
function skip(
  bytes: Uint8Array,
  at: number,
  end: number,
  tag: number,
  depth: number,
): number | undefined {
  switch (tag % 8) {
    case 0:
      return varint(bytes, at, end)?.next
    case 1:
      return at + 8 <= end ? at + 8 : undefined
    case 2: {
      const length = varint(bytes, at, end)
      if (length === undefined || length.next + length.value > end) return undefined
      return length.next + length.value
    }
    case 3:
      return depth < MAX_GROUP_DEPTH ? skipGroup(bytes, at, end, tag + 1, depth) : undefined
    case 5:
      return at + 4 <= end ? at + 4 : undefined
    default:
      return undefined
  }
}

function skipGroup(
  bytes: Uint8Array,
  start: number,
  end: number,
  endTag: number,
  depth: number,
): number | undefined {
  let at: number | undefined = start
  while (at !== undefined) {
    const tag = tagAt(bytes, at, end)
    if (tag === undefined) return undefined
    if (tag.value === endTag) return tag.next
    at = skip(bytes, tag.next, end, tag.value, depth + 1)
  }
  return undefined
}

interface Varint {
  readonly value: number
  /** Where the next byte is. */
  readonly next: number
}

/** A field's number * 8 + wire type; field 0 does not exist. */
function tagAt(bytes: Uint8Array, at: number, end: number): Varint | undefined {
  const tag = varint(bytes, at, end)
  return tag === undefined || tag.value < 8 || tag.value > 0xffff_ffff ? undefined : tag
}

function varint(bytes: Uint8Array, start: number, end: number): Varint | undefined {
  let value = 0
  let scale = 1
  for (let at = start; at < end && at < start + 10; at++) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, next: at + 1 }
    scale *= 128
  }
  return undefined
}
