/**
 * Writes the protobuf bytes of access log messages field by field, so that tests and benchmarks can
 * say exactly what is on the wire (absent, repeated, out of range, of another type) and never depend
 * on the decoder they check. Field numbers: proto/als.proto and proto/identifier.proto.
 */

export const WireType = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const

/** A base-128 varint of 0 … 2^64-1. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

export function tag(field: number, wireType: number): Buffer {
  return varint(field * 8 + wireType)
}

/** A varint field; 0 is written as nothing, as proto3 does. */
export function numberField(field: number, value: number | bigint | undefined): Buffer {
  if (value === undefined || BigInt(value) === 0n) return EMPTY
  return Buffer.concat([tag(field, WireType.varint), varint(value)])
}

/** A double field, always written. */
export function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([tag(field, WireType.fixed64), bytes])
}

/** A length-delimited field of any content, written even if empty. */
export function delimitedField(field: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  return Buffer.concat([tag(field, WireType.delimited), varint(length), ...parts])
}

/** A string field; empty text is written as nothing, as proto3 does. */
export function textField(field: number, text: string | undefined): Buffer {
  return text === undefined || text === '' ? EMPTY : delimitedField(field, Buffer.from(text))
}

/** An entry of a `map<string, …>` whose value is already encoded as field 2. */
export function mapEntry(field: number, key: string, value: Uint8Array): Buffer {
  return delimitedField(field, textField(1, key), value)
}

export interface SocketAddress {
  readonly ip: string
  readonly port: number
}

/** core.Address with a socket_address. */
export function addressField(field: number, address: SocketAddress | undefined): Buffer {
  if (address === undefined) return EMPTY
  return delimitedField(
    field,
    delimitedField(1, textField(2, address.ip), numberField(3, address.port)),
  )
}

/** A Timestamp or Duration of whole microseconds, as Envoy sends them. */
export function timeField(field: number, ms: number | undefined): Buffer {
  if (ms === undefined) return EMPTY
  const seconds = Math.floor(ms / 1000)
  const nanos = Math.round((ms - seconds * 1000) * 1000) * 1000
  return delimitedField(field, numberField(1, seconds), numberField(2, nanos))
}

/** AccessLogType, as far as tests name it. */
export const EntryType = {
  notSet: 0,
  tcpUpstreamConnected: 1,
  tcpPeriodic: 2,
  tcpConnectionEnd: 3,
  tcpConnectionStart: 14,
} as const

/** What a TCP entry says; directions are the workload's (upload = Envoy received). */
export interface TcpEntry {
  readonly streamId?: string
  readonly type: number
  /** Default: true for the types that are not final. */
  readonly intermediate?: boolean
  readonly sni?: string
  /** Encoded fields of tls_properties beside the SNI. */
  readonly tls?: readonly Uint8Array[]
  readonly upstreamCluster?: string
  readonly startMs?: number
  readonly durationMs?: number
  readonly upload?: number | bigint
  readonly download?: number | bigint
  readonly downstreamRemote?: SocketAddress
  readonly downstreamLocal?: SocketAddress
  readonly upstreamRemote?: SocketAddress
  readonly upstreamLocal?: SocketAddress
  /** Encoded fields between upstream_cluster (15) and duration (23): flags, metadata, state, tags. */
  readonly extra?: readonly Uint8Array[]
}

/** A TCPAccessLogEntry with the fields that a sidecar fills, in the order in which Envoy writes them. */
export function tcpEntry(entry: TcpEntry): Buffer {
  const final = entry.type === EntryType.tcpConnectionEnd
  const { upload, download } = entry
  const common = delimitedField(
    1,
    addressField(2, entry.downstreamRemote),
    addressField(3, entry.downstreamLocal),
    entry.sni === undefined
      ? EMPTY
      : delimitedField(4, textField(3, entry.sni), ...(entry.tls ?? [])),
    timeField(5, entry.startMs),
    addressField(13, entry.upstreamRemote),
    addressField(14, entry.upstreamLocal),
    textField(15, entry.upstreamCluster),
    addressField(20, entry.downstreamRemote),
    ...(entry.extra ?? []),
    timeField(23, entry.durationMs),
    numberField(24, entry.upstreamRemote === undefined ? 0 : 1),
    textField(26, entry.streamId),
    numberField(27, (entry.intermediate ?? !final) ? 1 : 0),
    numberField(29, download),
    numberField(30, upload),
    numberField(31, upload),
    numberField(32, download),
    numberField(33, entry.type),
  )
  return Buffer.concat([
    common,
    delimitedField(2, numberField(1, upload), numberField(2, download)),
  ])
}

/** A sidecar's identity; `metadata` values may be text or one level of text by key (LABELS). */
export interface NodeDescription {
  readonly id: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly envoy: readonly [major: number, minor: number, patch: number]
  /** How many extensions the node lists; a real one lists about 500, 118 bytes each. */
  readonly extensions?: number
}

/** The identifier that a stream's first message carries (StreamAccessLogsMessage.identifier). */
export function identifierField(node: NodeDescription, logName = 'egress-sni'): Buffer {
  const [major, minor, patch] = node.envoy
  const version = delimitedField(
    1,
    numberField(1, major),
    numberField(2, minor),
    numberField(3, patch),
  )
  const encoded = delimitedField(
    1,
    textField(1, node.id),
    textField(2, node.cluster),
    delimitedField(3, ...structFields(node.metadata)),
    textField(6, 'envoy'),
    delimitedField(8, version),
    extensionFields(node.extensions ?? 0),
  )
  return delimitedField(1, encoded, textField(2, logName))
}

/** The filter state that a waypoint logs of its tunnel's peer: an Any of a StringValue. */
export function identityFilterState(principal: string): Buffer {
  const type = 'type.googleapis.com/google.protobuf.StringValue'
  const any = delimitedField(2, textField(1, type), delimitedField(2, textField(1, principal)))
  return mapEntry(21, 'io.istio.peer_principal', any)
}

/** The filter state `downstream_peer`: an Any of a Struct. */
export function peerFilterState(fields: Readonly<Record<string, string>>): Buffer {
  const type = 'type.googleapis.com/google.protobuf.Struct'
  const any = delimitedField(2, textField(1, type), delimitedField(2, ...structFields(fields)))
  return mapEntry(21, 'downstream_peer', any)
}

/** A StreamAccessLogsMessage of TCP entries. */
export function tcpMessage(entries: readonly Uint8Array[], identifier?: Uint8Array): Buffer {
  const logs = delimitedField(3, ...entries.map((entry) => delimitedField(1, entry)))
  return identifier === undefined ? logs : Buffer.concat([identifier, logs])
}

const EMPTY = Buffer.alloc(0)

const extensionsByCount = new Map<number, Buffer>()

/** The same for all nodes of a release, so it is encoded once. */
function extensionFields(count: number): Buffer {
  const known = extensionsByCount.get(count)
  if (known !== undefined) return known
  const fields = Array.from({ length: count }, (_, i) =>
    delimitedField(
      9,
      textField(1, `envoy.filters.network.extension_${i}`),
      textField(2, 'envoy.filters.network'),
      textField(6, `envoy.extensions.filters.network.extension_${i}.v3.Extension`),
    ),
  )
  const encoded = Buffer.concat(fields)
  extensionsByCount.set(count, encoded)
  return encoded
}

/** The fields of a google.protobuf.Struct. */
function structFields(
  values: Readonly<Record<string, string | Readonly<Record<string, string>>>>,
): Buffer[] {
  return Object.entries(values).map(([key, value]) =>
    mapEntry(
      1,
      key,
      typeof value === 'string'
        ? delimitedField(2, textField(3, value))
        : delimitedField(2, delimitedField(5, ...structFields(value))),
    ),
  )
}
