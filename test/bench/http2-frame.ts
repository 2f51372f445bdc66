/** The few HTTP/2 frames (RFC 9113) that a load generator writes, prebuilt as bytes. */

export const FrameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const

export const FLAG_END_STREAM = 1
export const FLAG_ACK = 1
export const FLAG_END_HEADERS = 4
export const FRAME_HEADER_BYTES = 9
/** SETTINGS_MAX_FRAME_SIZE that every peer accepts. */
export const MAX_FRAME_BYTES = 16_384
export const DEFAULT_WINDOW_BYTES = 65_535
export const SETTINGS_INITIAL_WINDOW_SIZE = 4

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(streamId, 5)
  bytes.set(payload, FRAME_HEADER_BYTES)
  return bytes
}

/** The request headers of an access log stream, as Envoy sends them (captures: "Stream headers"). */
export function accessLogHeaders(streamId: number, authority: string): Buffer {
  const block = Buffer.concat([
    // Indexed fields of the static table: `:method POST` (3), `:scheme http` (6).
    Buffer.from([0x83, 0x86]),
    literal(4, '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'),
    literal(1, authority),
    literal('te', 'trailers'),
    literal(31, 'application/grpc'),
    literal('x-envoy-internal', 'true'),
  ])
  return frame(FrameType.headers, FLAG_END_HEADERS, streamId, block)
}

/** HPACK literal without indexing (RFC 7541, 6.2.2), no Huffman; lengths below 127. */
function literal(name: number | string, value: string): Buffer {
  const text = (part: string): Buffer =>
    Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])
  if (typeof name === 'string') {
    return Buffer.concat([Buffer.from([0]), text(name), text(value)])
  }
  const index = name < 15 ? Buffer.from([name]) : Buffer.from([15, name - 15])
  return Buffer.concat([index, text(value)])
}
