import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'

/** The full Envoy schema, as vendored by @grpc/grpc-js-xds: an oracle that nobody here wrote. */
const require = createRequire(import.meta.url)
const PROTOS = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps')
const ROOTS = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']

function loadRoot(): protobuf.Root {
  // Descriptors are only needed for annotations, but the loader wants to have seen them.
  const file = require.resolve('protobufjs/google/protobuf/descriptor.json')
  const descriptor = JSON.parse(readFileSync(file, 'utf8'))
  protobuf.common('descriptor', descriptor.nested.google.nested.protobuf.nested)
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) =>
    ROOTS.map((folder) => join(PROTOS, folder, target)).find((path) => existsSync(path)) ?? target
  return root.loadSync('envoy/service/accesslog/v3/als.proto', { keepCase: true })
}

const root = loadRoot()

export const StreamAccessLogsMessage = root.lookupType(
  'envoy.service.accesslog.v3.StreamAccessLogsMessage',
)
export const Address = root.lookupType('envoy.config.core.v3.Address')

/** What the schema says of a message, as plain data; throws if it is malformed. 64-bit as doubles. */
export function decodeWithSchema(bytes: Uint8Array): EnvoyMessage {
  const message = StreamAccessLogsMessage.decode(bytes)
  return StreamAccessLogsMessage.toObject(message, { longs: Number, enums: Number })
}

/** The bytes of a message given as plain data with the schema's field names. */
export function encodeWithSchema(message: EnvoyMessage): Uint8Array {
  return StreamAccessLogsMessage.encode(StreamAccessLogsMessage.fromObject(message)).finish()
}

export interface EnvoyMessage {
  identifier?: { node?: Record<string, unknown>; log_name?: string }
  http_logs?: { log_entry?: HttpEntry[] }
  tcp_logs?: { log_entry?: TcpEntry[] }
}

export interface TcpEntry {
  common_properties?: Common
  connection_properties?: { received_bytes?: number; sent_bytes?: number }
}

export interface HttpEntry {
  common_properties?: Common
  request?: { authority?: string; request_headers_bytes?: number; request_body_bytes?: number }
  response?: { response_headers_bytes?: number; response_body_bytes?: number }
}

export interface Common {
  downstream_remote_address?: EnvoyAddress
  downstream_local_address?: EnvoyAddress
  tls_properties?: { tls_sni_hostname?: string }
  start_time?: Time
  upstream_remote_address?: EnvoyAddress
  upstream_cluster?: string
  duration?: Time
  stream_id?: string
  intermediate_log_entry?: boolean
  upstream_wire_bytes_sent?: number
  upstream_wire_bytes_received?: number
  access_log_type?: number
}

export interface Time {
  seconds?: number
  nanos?: number
}

export interface EnvoyAddress {
  socket_address?: { address?: string; port_value?: number }
  pipe?: { path?: string }
}
