/**
 * A capture (`.alscap`) is a sequence of records and nothing else:
 *
 *     uint32 LE stream number │ float64 LE arrival, unix seconds │ uint32 LE length │ message
 *
 * A message is one StreamAccessLogsMessage, without gRPC's framing. Records are in the order of
 * their arrival over all streams; stream numbers begin at 1 and mean something within one file only.
 */
export const RECORD_HEADER_BYTES = 16

/** No message is larger: the receiver's limit can be set to 1 GiB at most, and an identifier is added. */
const MAX_RECORD_BYTES = 2 ** 30 + 2 ** 21

export interface RecordHeader {
  readonly stream: number
  /** Unix ms, whole. */
  readonly arrivalMs: number
  readonly length: number
}

/** 9999-12-31, the last moment that has a usual name. */
const LAST_SECOND = 253_402_300_799

export function writeHeader(target: Buffer, at: number, header: RecordHeader): void {
  target.writeUInt32LE(header.stream, at)
  target.writeDoubleLE(header.arrivalMs / 1000, at + 4)
  target.writeUInt32LE(header.length, at + 12)
}

/** Undefined where the bytes can be no header. */
export function readHeader(source: Buffer, at: number): RecordHeader | undefined {
  const stream = source.readUInt32LE(at)
  const seconds = source.readDoubleLE(at + 4)
  const length = source.readUInt32LE(at + 12)
  if (stream === 0 || length > MAX_RECORD_BYTES) return undefined
  if (!(seconds >= 0 && seconds <= LAST_SECOND)) return undefined
  return { stream, arrivalMs: Math.round(seconds * 1000), length }
}
