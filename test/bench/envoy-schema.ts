import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

const require = createRequire(import.meta.url)
const vendored = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps')

/** Where the full Envoy schema and its imports lie. */
export const ENVOY_PROTO_FOLDERS: readonly string[] = [
  'envoy-api',
  'xds',
  'googleapis',
  'protoc-gen-validate',
].map((folder) => join(vendored, folder))

export const ALS_PROTO = 'envoy/service/accesslog/v3/als.proto'
const MESSAGE = 'envoy.service.accesslog.v3.StreamAccessLogsMessage'

/** StreamAccessLogsMessage with everything that Envoy can say. */
export function fullSchema(): protobuf.Type {
  const descriptor = require('protobufjs/google/protobuf/descriptor.json') as {
    nested: { google: { nested: { protobuf: { nested: Record<string, unknown> } } } }
  }
  protobuf.common('descriptor', descriptor.nested.google.nested.protobuf.nested)
  const root = new protobuf.Root()
  root.resolvePath = (_, target) =>
    ENVOY_PROTO_FOLDERS.map((folder) => join(folder, target)).find(existsSync) ?? target
  root.loadSync(ALS_PROTO)
  return root.lookupType(MESSAGE)
}

/**
 * The same message with the fields that our decoder reads and no others, from the project's own
 * proto/als.proto: what a careful user of protobufjs would write.
 */
export function prunedSchema(): protobuf.Type {
  const file = new URL('../../proto/als.proto', import.meta.url)
  return new protobuf.Root()
    .loadSync(fileURLToPath(file))
    .lookupType('snimeter.als.v3.StreamAccessLogsMessage')
}
