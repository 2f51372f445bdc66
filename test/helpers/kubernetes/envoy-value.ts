import { existsSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'

const MODULES = join(import.meta.dirname, '../../../node_modules')
const FOLDERS = [
  '@grpc/grpc-js-xds/deps/envoy-api',
  '@grpc/grpc-js-xds/deps/googleapis',
  '@grpc/grpc-js-xds/deps/protoc-gen-validate',
  '@grpc/grpc-js-xds/deps/xds',
  'protobufjs',
]
/** Every message that a patch of ours may hold as an Any. */
const FILES = [
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/access_loggers/grpc/v3/als.proto',
  'envoy/extensions/access_loggers/filters/cel/v3/cel.proto',
]

let root: protobuf.Root | undefined

function envoyProtos(): protobuf.Root {
  if (root !== undefined) return root
  const loading = new protobuf.Root()
  loading.resolvePath = (_, target) => {
    return FOLDERS.map((folder) => join(MODULES, folder, target)).find(existsSync) ?? target
  }
  loading.loadSync(FILES, { keepCase: true }).resolveAll()
  root = loading
  return loading
}

const DURATION = /^\d+(?:\.\d{1,9})?s$/
const INTEGER = /^u?int(?:32|64)$|^s?fixed(?:32|64)$|^sint(?:32|64)$/
const WRAPPERS: Readonly<Record<string, string>> = {
  BoolValue: 'bool',
  StringValue: 'string',
  UInt32Value: 'uint32',
  UInt64Value: 'uint64',
  Int32Value: 'int32',
  Int64Value: 'int64',
  DoubleValue: 'double',
  FloatValue: 'float',
}

/**
 * What Envoy's own protos (those of @grpc/grpc-js-xds) say against an Any written as JSON with
 * `@type`: unknown types and fields, wrong kinds of values, unknown names of enumerations, two
 * members of a oneof. Istio's validation lets a misspelt field pass with a warning (measured).
 */
export function envoyProblems(any: unknown, path = 'typed_config'): string[] {
  if (typeof any !== 'object' || any === null) return [`${path}: is not a message`]
  const { '@type': url, ...fields } = any as Record<string, unknown>
  if (typeof url !== 'string') return [`${path}: has no @type`]
  const name = url.replace(/^type\.googleapis\.com\//, '')
  if (name === url) return [`${path}: ${url} does not begin with type.googleapis.com/`]
  const type = envoyProtos().lookup(name, protobuf.Type) as protobuf.Type | null
  return type === null ? [`${path}: no such type: ${name}`] : messageProblems(type, fields, path)
}

function messageProblems(type: protobuf.Type, value: unknown, path: string): string[] {
  const wellKnown = wellKnownProblems(type, value, path)
  if (wellKnown !== undefined) return wellKnown
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [`${path}: is not a ${type.name}`]
  }
  const problems = Object.entries(value).flatMap(([key, child]) => {
    const field = type.fields[key]
    if (field === undefined) return [`${path}.${key}: ${type.name} has no such field`]
    return fieldProblems(field, child, `${path}.${key}`)
  })
  for (const { name, oneof } of type.oneofsArray) {
    const set = oneof.filter((member) => member in value)
    if (set.length > 1) problems.push(`${path}: ${set.join(' and ')} are both set (oneof ${name})`)
  }
  return problems
}

function fieldProblems(field: protobuf.Field, value: unknown, path: string): string[] {
  if (field instanceof protobuf.MapField) {
    const entries = Object.entries(value ?? {})
    return entries.flatMap(([key, child]) => singleProblems(field, child, `${path}[${key}]`))
  }
  if (!field.repeated) return singleProblems(field, value, path)
  if (!Array.isArray(value)) return [`${path}: is not a list`]
  return value.flatMap((child, index) => singleProblems(field, child, `${path}[${index}]`))
}

function singleProblems(field: protobuf.Field, value: unknown, path: string): string[] {
  const type = field.resolvedType
  if (type instanceof protobuf.Enum) {
    return typeof value === 'string' && value in type.values
      ? []
      : [`${path}: ${String(value)} is no ${type.name}`]
  }
  if (type instanceof protobuf.Type) return messageProblems(type, value, path)
  return scalarProblems(field.type, value, path)
}

function wellKnownProblems(
  type: protobuf.Type,
  value: unknown,
  path: string,
): string[] | undefined {
  if (type.parent?.fullName !== '.google.protobuf') return undefined
  const scalar = WRAPPERS[type.name]
  if (scalar !== undefined) return scalarProblems(scalar, value, path)
  if (type.name === 'Any') return envoyProblems(value, path)
  if (type.name === 'Duration') {
    const isDuration = typeof value === 'string' && DURATION.test(value)
    return isDuration ? [] : [`${path}: ${String(value)} is no duration in seconds, like 15s`]
  }
  return undefined
}

function scalarProblems(type: string, value: unknown, path: string): string[] {
  let fits = typeof value === 'string'
  if (type === 'bool') fits = typeof value === 'boolean'
  else if (INTEGER.test(type)) fits = Number.isInteger(value)
  else if (type === 'double' || type === 'float') fits = typeof value === 'number'
  return fits ? [] : [`${path}: ${JSON.stringify(value)} is no ${type}`]
}
