import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fullSchema } from '../bench/envoy-schema.ts'

const FOLDER = fileURLToPath(new URL('../fixtures/captures/', import.meta.url))

/** Path of a recorded stream, like `1.40.0/short-connections`. */
export function capturePath(name: string): string {
  return `${FOLDER}${name}.alscap`
}

/** What the TLS server and its clients saw while a stream was recorded. */
export interface CaptureTruth {
  readonly totals_by_sni: Readonly<
    Record<
      string,
      {
        readonly connections: number
        readonly client_to_server: number
        readonly server_to_client: number
      }
    >
  >
  readonly connections: readonly {
    readonly id: string
    readonly client: { readonly outcome: string } | null
    readonly server: ServerSide | null
  }[]
  readonly server_connections_without_id: readonly ServerSide[]
}

interface ServerSide {
  readonly peer: string
  readonly received: number
  readonly written: number
  readonly opened: number
}

/** The truth beside a capture; both lives of a receiver share one. */
export function captureTruth(name: string): CaptureTruth {
  const file = `${FOLDER}${name.replace(/\.[12]$/, '')}.truth.json`
  return JSON.parse(readFileSync(file, 'utf8')) as CaptureTruth
}

/** What the entries of a connection say, read with Envoy's own full schema: another decoder. */
export interface LoggedConnection {
  readonly streamId: string
  /** As the entries say it; '' without. */
  sni: string
  /** Highest counters of all entries, of each the smaller of wire and plain. */
  upload: bigint
  download: bigint
  final: boolean
  entries: number
  /** `ip:port` of Envoy's own end of the upstream connection; '' if there was none. */
  upstreamLocal: string
  startSeconds: number
}

/** The connections of the TCP entries that are about connections, by stream id. */
export function loggedConnections(names: readonly string[]): Map<string, LoggedConnection> {
  const schema = fullSchema()
  const found = new Map<string, LoggedConnection>()
  for (const name of names) {
    for (const message of messagesOf(readFileSync(capturePath(name)))) {
      const { tcpLogs } = schema.toObject(schema.decode(message), { longs: String }) as AlsMessage
      for (const { commonProperties: common, connectionProperties } of tcpLogs?.logEntry ?? []) {
        if (common?.streamId === undefined || !isAboutConnection(common)) continue
        merge(found, common, connectionProperties)
      }
    }
  }
  return found
}

/** The messages in a capture: `uint32 stream | float64 arrival | uint32 length | bytes`, repeated. */
function* messagesOf(capture: Buffer): Generator<Buffer> {
  for (let at = 0; at < capture.length; ) {
    const length = capture.readUInt32LE(at + 12)
    yield capture.subarray(at + 16, at + 16 + length)
    at += 16 + length
  }
}

interface AlsMessage {
  readonly tcpLogs?: {
    readonly logEntry?: readonly {
      readonly commonProperties?: Common
      readonly connectionProperties?: Plain
    }[]
  }
}

/** `received_bytes` and `sent_bytes`; absent where 0. */
interface Plain {
  readonly receivedBytes?: string
  readonly sentBytes?: string
}

interface Common {
  readonly streamId?: string
  readonly tlsProperties?: { readonly tlsSniHostname?: string }
  readonly startTime?: { readonly seconds?: string; readonly nanos?: number }
  readonly upstreamLocalAddress?: {
    readonly socketAddress?: { readonly address?: string; readonly portValue?: number }
  }
  readonly intermediateLogEntry?: boolean
  readonly accessLogType?: number
  readonly upstreamWireBytesSent?: string
  readonly upstreamWireBytesReceived?: string
}

/** Types 4 to 10 are about requests. */
function isAboutConnection({ accessLogType: type = 0 }: Common): boolean {
  return type < 4 || type > 10
}

function merge(found: Map<string, LoggedConnection>, common: Common, plain?: Plain): void {
  const streamId = common.streamId ?? ''
  const { seconds = '0', nanos = 0 } = common.startTime ?? {}
  const connection = found.get(streamId) ?? {
    streamId,
    sni: '',
    upload: 0n,
    download: 0n,
    final: false,
    entries: 0,
    upstreamLocal: '',
    startSeconds: Number(seconds) + nanos / 1e9,
  }
  found.set(streamId, connection)
  connection.entries += 1
  connection.sni ||= common.tlsProperties?.tlsSniHostname ?? ''
  const upload = billed(common.upstreamWireBytesSent, plain && (plain.receivedBytes ?? '0'))
  const download = billed(common.upstreamWireBytesReceived, plain && (plain.sentBytes ?? '0'))
  if (upload > connection.upload) connection.upload = upload
  if (download > connection.download) connection.download = download
  connection.final ||= common.intermediateLogEntry !== true
  const local = common.upstreamLocalAddress?.socketAddress
  if (local !== undefined) connection.upstreamLocal = `${local.address}:${local.portValue}`
}

/** The smaller of both counters of a direction; the wire's where the entry carries no other. */
function billed(wire = '0', plain = wire): bigint {
  const [a, b] = [BigInt(wire), BigInt(plain)]
  return a < b ? a : b
}
