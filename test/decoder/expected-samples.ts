import { isIP } from 'node:net'
import { NO_COUNTER } from '../../src/model/sample.ts'
import {
  Address,
  type Common,
  type EnvoyAddress,
  type EnvoyMessage,
  type HttpEntry,
  type TcpEntry,
  type Time,
} from './envoy-schema.ts'

/** One sample as plain data. `identity` is `uuid <hex>` or a text that is unique for the identity. */
export interface ExpectedSample {
  kind: 'connection' | 'request'
  identity: string
  entryType: number
  final: boolean
  startMs: number
  durationMs: number
  wireUpload: number
  wireDownload: number
  plainUpload: number
  plainDownload: number
  sni: string
  cluster: string
  authority: string
  address: string
  port: number
}

export interface Expected {
  readonly samples: ExpectedSample[]
  readonly rejected: Record<string, number>
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * What the decoder must make of a message, spelled out rule by rule over the full schema's objects:
 * slow, obvious and written apart from the decoder.
 */
export function expectedSamples(message: EnvoyMessage, envoyMinor: number): Expected {
  const samples: ExpectedSample[] = []
  const rejected: Record<string, number> = {}
  const take = (result: ExpectedSample | string) => {
    if (typeof result === 'string') rejected[result] = (rejected[result] ?? 0) + 1
    else samples.push(result)
  }
  for (const entry of message.http_logs?.log_entry ?? []) take(expectedHttp(entry, envoyMinor))
  for (const entry of message.tcp_logs?.log_entry ?? []) take(expectedTcp(entry, envoyMinor))
  return { samples, rejected }
}

function expectedTcp(entry: TcpEntry, envoyMinor: number): ExpectedSample | string {
  const plain = entry.connection_properties
  const upload = plain ? (plain.received_bytes ?? 0) : NO_COUNTER
  const download = plain ? (plain.sent_bytes ?? 0) : NO_COUNTER
  const common = entry.common_properties ?? {}
  const kind = kindOf(common, 'connection')
  return sampleOf(common, kind, envoyMinor, upload, download, '')
}

function expectedHttp(entry: HttpEntry, envoyMinor: number): ExpectedSample | string {
  const common = entry.common_properties ?? {}
  const kind = kindOf(common, 'request')
  const { request, response } = entry
  let upload = request ? (request.request_body_bytes ?? 0) : NO_COUNTER
  let download = response ? (response.response_body_bytes ?? 0) : NO_COUNTER
  if (kind === 'request') {
    if (request) upload += request.request_headers_bytes ?? 0
    if (response) download += response.response_headers_bytes ?? 0
  }
  return sampleOf(common, kind, envoyMinor, upload, download, request?.authority ?? '')
}

function kindOf(common: Common, ofNotSet: 'connection' | 'request'): string {
  const type = common.access_log_type ?? 0
  if (type === 0) return ofNotSet
  if ([1, 2, 3, 11, 12, 13, 14].includes(type)) return 'connection'
  if ([4, 5, 6].includes(type)) return 'request'
  return [7, 8, 9, 10].includes(type) ? 'uncounted_type' : 'unknown_type'
}

function sampleOf(
  common: Common,
  kind: string,
  envoyMinor: number,
  plainUpload: number,
  plainDownload: number,
  authority: string,
): ExpectedSample | string {
  if (kind !== 'connection' && kind !== 'request') return kind
  const entryType = common.access_log_type ?? 0
  const final =
    entryType === 0 ? !(common.intermediate_log_entry ?? false) : [3, 6, 13].includes(entryType)
  if (kind === 'request' && !final) return 'request_in_progress'
  const wireUpload = common.upstream_wire_bytes_sent ?? 0
  const wireDownload = common.upstream_wire_bytes_received ?? 0
  const counters = [wireUpload, wireDownload, plainUpload, plainDownload]
  if (counters.some((counter) => counter > 2 ** 50)) return 'implausible_counter'
  const identity = identityOf(common, kind, final, envoyMinor)
  if (identity === undefined) return 'no_connection_id'
  const upstream = common.upstream_remote_address?.socket_address
  return {
    kind,
    identity,
    entryType,
    final,
    startMs: msOf(common.start_time),
    durationMs: msOf(common.duration),
    wireUpload,
    wireDownload,
    plainUpload,
    plainDownload,
    sni: common.tls_properties?.tls_sni_hostname ?? '',
    cluster: common.upstream_cluster ?? '',
    authority,
    address: canonical(upstream?.address ?? ''),
    port: (upstream?.port_value ?? 0) & 0xffff,
  }
}

function identityOf(
  common: Common,
  kind: string,
  final: boolean,
  envoyMinor: number,
): string | undefined {
  const streamId = common.stream_id ?? ''
  const start = JSON.stringify(
    common.start_time ? [common.start_time.seconds ?? 0, common.start_time.nanos ?? 0] : [],
  )
  const remote = bytesOf(common.downstream_remote_address)
  const local = bytesOf(common.downstream_local_address)
  const isPlaced = common.start_time !== undefined || remote !== '' || local !== ''
  if (streamId === '' && !isPlaced) return undefined
  if (kind === 'request') return JSON.stringify(['request', streamId, start, remote])
  if (UUID.test(streamId)) return `uuid ${streamId.replaceAll('-', '').toLowerCase()}`
  if (streamId !== '') return JSON.stringify(['stream id', streamId])
  if (!final || envoyMinor >= 1025) return undefined
  return JSON.stringify(['old', start, remote, local])
}

function bytesOf(address: EnvoyAddress | undefined): string {
  if (address === undefined) return ''
  return Buffer.from(Address.encode(Address.fromObject(address)).finish()).toString('hex')
}

function msOf(time: Time | undefined): number {
  if (time === undefined) return -1
  const { seconds = 0, nanos = 0 } = time
  if (seconds < 0 || nanos < 0 || nanos >= 1e9 || seconds > 253_402_300_799) return -1
  return seconds * 1000 + nanos / 1e6
}

/** Canonical text; IPv4-mapped IPv6 is IPv4; '' for what is no address, and for the one of zeros. */
function canonical(text: string): string {
  const [address = ''] = text.split('%')
  const family = isIP(address)
  if (family === 4) return address
  if (family !== 6) return ''
  const shown = new URL(`http://[${address}]`).hostname.slice(1, -1)
  if (shown === '::') return ''
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(shown) ?? []
  if (high === undefined || low === undefined) return shown
  const words = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return words.flatMap((word) => [word >> 8, word & 255]).join('.')
}
