/**
 * The obvious stack, the rival of the end-to-end benchmark: grpc-js with the full schema through
 * proto-loader, JavaScript Maps, better-sqlite3 in the same loop. It counts right while nothing goes
 * wrong, and is spared what snimeter does besides: no windows, no connection rows in the file, nothing
 * survives a crash or a replay.
 *
 * proto-loader's options are those of gRPC's own Node quick start (`keepCase`, `longs: String`,
 * `enums: String`, `defaults`, `oneofs`), so counters are read with BigInt. `lean` as second argument
 * takes the cheapest ones instead (numbers, no defaults), which is what a benchmark would make of it.
 *
 * Arguments: the file to write [, `lean`]. Says its port on stdout, as one line of JSON; SIGTERM ends it.
 */

import type {
  GrpcObject,
  ServerReadableStream,
  ServiceClientConstructor,
  sendUnaryData,
} from '@grpc/grpc-js'
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import Database from 'better-sqlite3'
import { ALS_PROTO, ENVOY_PROTO_FOLDERS } from './envoy-schema.ts'

const FLUSH_MS = 1000
const TCP_CONNECTION_END = 3

const [file = ':memory:', variant] = process.argv.slice(2)
const lean = variant === 'lean'

interface Message {
  readonly identifier?: {
    readonly node: {
      readonly metadata: { readonly fields: Record<string, { readonly stringValue?: string }> }
    }
  } | null
  readonly tcp_logs?: { readonly log_entry: readonly Entry[] }
}

interface Entry {
  readonly common_properties: {
    readonly tls_properties?: { readonly tls_sni_hostname: string } | null
    readonly stream_id: string
    /** Decimal text, or a number with `lean`. */
    readonly upstream_wire_bytes_sent: string | number
    readonly upstream_wire_bytes_received: string | number
    readonly access_log_type: string | number
  }
}

/** Bytes: BigInt, or a number with `lean`. */
type Bytes = bigint | number

interface Usage {
  readonly namespace: string
  readonly workload: string
  readonly sni: string
  upload: Bytes
  download: Bytes
  connections: number
}

const ZERO: Bytes = lean ? 0 : 0n
const bytesOf = (text: string | number): Bytes => (lean ? Number(text) : BigInt(text))
/** Both are of one kind; `+` and `-` are the same text for both. */
const plus = (a: Bytes, b: Bytes): Bytes => (a as number) + (b as number)
const growth = (seen: Bytes, now: Bytes): Bytes =>
  now > seen ? (now as number) - (seen as number) : ZERO

const database = new Database(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec(`CREATE TABLE usage (namespace TEXT, workload TEXT, sni TEXT, upload INTEGER,
  download INTEGER, connections INTEGER, PRIMARY KEY (namespace, workload, sni)) WITHOUT ROWID`)
const upsert = database.prepare(
  'INSERT OR REPLACE INTO usage VALUES (@namespace, @workload, @sni, @upload, @download, @connections)',
)

const connections = new Map<string, { upload: Bytes; download: Bytes }>()
const usages = new Map<string, Usage>()
const changed = new Set<Usage>()

const flush = database.transaction(() => {
  for (const usage of changed) upsert.run(usage)
  changed.clear()
})

function count(entry: Entry, namespace: string, workload: string): void {
  const common = entry.common_properties
  const sni = common.tls_properties?.tls_sni_hostname ?? ''
  const key = `${namespace}/${workload}/${sni}`
  let usage = usages.get(key)
  if (usage === undefined) {
    usage = { namespace, workload, sni, upload: ZERO, download: ZERO, connections: 0 }
    usages.set(key, usage)
  }
  let seen = connections.get(common.stream_id)
  if (seen === undefined) {
    seen = { upload: ZERO, download: ZERO }
    connections.set(common.stream_id, seen)
    usage.connections++
  }
  const moreUpload = growth(seen.upload, bytesOf(common.upstream_wire_bytes_sent))
  const moreDownload = growth(seen.download, bytesOf(common.upstream_wire_bytes_received))
  usage.upload = plus(usage.upload, moreUpload)
  usage.download = plus(usage.download, moreDownload)
  seen.upload = plus(seen.upload, moreUpload)
  seen.download = plus(seen.download, moreDownload)
  changed.add(usage)
  const type = common.access_log_type
  if (type === 'TcpConnectionEnd' || type === TCP_CONNECTION_END) {
    connections.delete(common.stream_id)
  }
}

function streamAccessLogs(
  call: ServerReadableStream<Message, object>,
  answer: sendUnaryData<object>,
): void {
  let namespace = ''
  let workload = ''
  call.on('data', (message: Message) => {
    const fields = message.identifier?.node.metadata.fields
    if (fields !== undefined) {
      namespace = fields['NAMESPACE']?.stringValue ?? ''
      workload = fields['WORKLOAD_NAME']?.stringValue ?? ''
    }
    for (const entry of message.tcp_logs?.log_entry ?? []) count(entry, namespace, workload)
  })
  call.on('end', () => answer(null, {}))
  call.on('error', () => undefined)
}

const definition = loadSync(ALS_PROTO, {
  includeDirs: [...ENVOY_PROTO_FOLDERS],
  keepCase: true,
  ...(lean ? { longs: Number } : { longs: String, enums: String, defaults: true, oneofs: true }),
})
const loaded = loadPackageDefinition(definition) as unknown as {
  envoy: { service: { accesslog: { v3: GrpcObject } } }
}
const service = loaded.envoy.service.accesslog.v3['AccessLogService'] as ServiceClientConstructor
const server = new Server({ 'grpc.max_receive_message_length': -1 })
server.addService(service.service, { StreamAccessLogs: streamAccessLogs })
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}` })}\n`)
})
const timer = setInterval(flush, FLUSH_MS)
process.on('SIGTERM', () => {
  clearInterval(timer)
  flush()
  database.close()
  process.exit(0)
})
