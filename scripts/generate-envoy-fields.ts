/**
 * Generates the fields of the Envoy messages that an EnvoyFilter of ours (or beside ours) may patch,
 * from the protos that @grpc/grpc-js-xds vendors, so that `doctor mesh` finds misspelt ones without
 * them at run time. `node scripts/generate-envoy-fields.ts [file]`; its output is committed.
 */
import { existsSync, writeFileSync } from 'node:fs'
import protobuf from 'protobufjs'

const OUTPUT = process.argv[2] ?? 'src/istio/doctor/gen/envoy-fields.ts'
const DEPS = 'node_modules/@grpc/grpc-js-xds/deps'
const ROOTS = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']
const FILES = [
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/access_loggers/grpc/v3/als.proto',
  'envoy/extensions/access_loggers/filters/cel/v3/cel.proto',
  'envoy/config/accesslog/v3/accesslog.proto',
]
const START = [
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
  'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
  'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
]
/** Below these the fields are listed; everything else is taken as it is. */
const OPEN =
  /tcp_proxy\.v3\.|HttpConnectionManager(?:\.HcmAccessLogOptions)?$|access_loggers\.|config\.accesslog\.v3\.|core\.v3\.(?:GrpcService|RetryPolicy)|tracing\.v3\.CustomTag/
/** Newer than the vendored protos: Envoy 1.37 (`value` of a tag), 1.34 and later (the others). */
const NEWER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'envoy.type.tracing.v3.CustomTag': { value: 'string' },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': {
    backoff_options: 'any',
    proxy_protocol_tlvs: 'any',
    upstream_connect_mode: 'any',
    max_early_data_bytes: 'any',
    max_downstream_connection_duration_jitter_percentage: 'any',
  },
}
const SCALARS: Readonly<Record<string, string>> = {
  'google.protobuf.Duration': 'duration',
  'google.protobuf.Any': 'any',
  'google.protobuf.BoolValue': 'bool',
  'google.protobuf.UInt32Value': 'number',
  string: 'string',
  bool: 'bool',
}

const root = new protobuf.Root()
root.resolvePath = (_, target) => {
  const paths = ROOTS.map((folder) => `${DEPS}/${folder}/${target}`)
  // Protobuf's own types come with protobufjs.
  return paths.find((path) => existsSync(path)) ?? `node_modules/protobufjs/${target}`
}
await root.load(FILES, { keepCase: true })
root.resolveAll()

function typeOf(field: protobuf.Field): string {
  if (field instanceof protobuf.MapField) return 'any'
  const resolved = field.resolvedType
  if (resolved instanceof protobuf.Enum) return 'enum'
  if (resolved === null) return SCALARS[field.type] ?? 'number'
  const name = resolved.fullName.slice(1)
  return SCALARS[name] ?? (OPEN.test(name) ? name : 'any')
}

const messages: Record<string, Record<string, string>> = {}
function add(name: string): void {
  if (name in messages || !name.startsWith('envoy.')) return
  const fields = root
    .lookupType(name)
    .fieldsArray.map((field): [string, string] => [
      field.name,
      `${typeOf(field)}${field.repeated ? '[]' : ''}`,
    ])
  messages[name] = { ...Object.fromEntries(fields), ...NEWER[name] }
  for (const [, type] of fields) add(type.replace('[]', ''))
}
for (const name of START) add(name)

writeFileSync(
  OUTPUT,
  `// Generated from Envoy's protos by scripts/generate-envoy-fields.ts. Do not edit.

/** Fields of each message by their names in the proto: a message, \`duration\`, \`any\` … ; \`[]\` is a list. */
export const ENVOY_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = ${JSON.stringify(messages, undefined, 2)}
`,
)
