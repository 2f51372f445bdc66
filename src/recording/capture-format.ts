/**
 * The capture format (.alscap): records and nothing else. A record is
 *
 *   uint32 LE stream number | float64 LE arrival, unix seconds | uint32 LE length | length bytes
 *
 * and the bytes are one StreamAccessLogsMessage as it was received, without gRPC's prefix. Stream
 * numbers (1, 2, …) are scoped to the file and to the process that wrote it.
 */
export const HEADER_BYTES = 16

/** A record longer than this is no record: the largest message that is received is far smaller. */
export const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024

export function writeHeader(
  buffer: Buffer,
  at: number,
  stream: number,
  arrivalMs: number,
  length: number,
): void {
  buffer.writeUInt32LE(stream, at)
  buffer.writeDoubleLE(arrivalMs / 1000, at + 4)
  buffer.writeUInt32LE(length, at + 12)
}
