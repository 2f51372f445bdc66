import { fieldsOf, listOf, protoAt, textOf } from '../untyped.ts'
import { checkMessage } from './envoy-message.ts'
import { error, type Finding, warning } from './finding.ts'
import type { Mesh } from './mesh.ts'
import {
  concernsAccessLog,
  isForUs,
  type Patch,
  type PatchedAccessLog,
  patchName,
  TCP_PROXY,
  TCP_PROXY_TYPE,
} from './patch.ts'
import { isForWaypoint } from './placement.ts'
import { isNamespaceWide } from './telemetry.ts'

/** The message that each filter is configured with, by the filter's name. */
const TYPES: Readonly<Record<string, string>> = {
  [TCP_PROXY]: TCP_PROXY_TYPE,
  'envoy.filters.network.http_connection_manager':
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
}
const TYPED_STRUCT = /^(?:udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/
/** Filters that let a part through: sums of bytes would be too low, and the receiver can't tell. */
const SAMPLING = ['runtime_filter', 'runtimeFilter']

/**
 * EnvoyFilters, patch by patch. Those of others count too where they break all: pilot panics on a
 * MERGE without a filter name or with another message, recovers, and drops EVERY patch of the proxy,
 * in random order, without a word (measured with 1.29.0 and 1.32).
 */
export function* checkEnvoyFilters(mesh: Mesh): Generator<Finding> {
  for (const patch of mesh.patches) {
    yield* checkMerge(patch)
    if (!concernsAccessLog(patch)) continue
    yield* checkValue(patch)
    if (!isForUs(patch)) continue
    yield* checkOperation(patch)
    yield* checkReach(mesh, patch)
    for (const log of patch.accessLogs) yield* checkAccessLog(patch, log)
  }
}

function* checkMerge(patch: Patch): Generator<Finding> {
  const { operation, filterName, type } = patch
  if (operation !== 'MERGE') return
  if (filterName === undefined) {
    yield error(
      'envoyfilter-filter-name',
      patchName(patch),
      'has no filter name: it breaks every EnvoyFilter of the proxies it reaches',
      `add match.listener.filterChain.filter.name: ${TCP_PROXY}`,
    )
    return
  }
  const expected = TYPES[filterName]
  if (expected === undefined || type === expected) return
  if (type !== undefined && TYPED_STRUCT.test(type)) {
    yield error(
      'envoyfilter-type',
      patchName(patch),
      'merges a TypedStruct, which does nothing',
      `write the message itself: "@type": type.googleapis.com/${expected}`,
    )
    return
  }
  yield error(
    'envoyfilter-type',
    patchName(patch),
    type === undefined
      ? 'has no @type in its typed_config'
      : `merges ${type} into ${filterName}: it breaks every EnvoyFilter of the proxies it reaches`,
    `write "@type": type.googleapis.com/${expected}`,
  )
}

function* checkOperation(patch: Patch): Generator<Finding> {
  const { operation, sni, transportProtocol } = patch
  if (operation !== 'MERGE') {
    yield error(
      'envoyfilter-operation',
      patchName(patch),
      `has operation ${operation}, which does not add to a tcp_proxy`,
      'use MERGE',
    )
  }
  if (transportProtocol !== undefined) {
    yield error(
      'envoyfilter-match',
      patchName(patch),
      `matches transportProtocol ${transportProtocol}, which no outbound chain has: it hits nothing`,
      'remove it; portNumber and the filter name are enough',
    )
  }
  if (sni === '*') {
    yield error(
      'envoyfilter-match',
      patchName(patch),
      'matches sni "*", which is compared as text: it hits nothing',
      'remove it; portNumber and the filter name cover every chain',
    )
  }
}

/** Whom a patch reaches: its namespace and its context. */
function* checkReach(mesh: Mesh, patch: Patch): Generator<Finding> {
  const { owner, context, portNumber, listenerName } = patch
  const { rootNamespace } = mesh
  const waypoint = isForWaypoint(mesh, owner)
  // A namespace may have an interval of its own beside the mesh's.
  const isBeside = mesh.patches.some(
    (other) => other.owner.namespace === rootNamespace && isForUs(other),
  )
  const isElsewhere = isNamespaceWide(owner) && owner.namespace !== rootNamespace
  if (isElsewhere && !isBeside && context !== 'GATEWAY') {
    yield error(
      'envoyfilter-namespace',
      owner,
      `reaches only workloads of ${owner.namespace}`,
      `move it to the root namespace ${rootNamespace}`,
    )
  }
  if (
    waypoint
      ? context === 'SIDECAR_OUTBOUND' || context === 'GATEWAY'
      : context === 'SIDECAR_INBOUND'
  ) {
    yield error(
      'envoyfilter-context',
      patchName(patch),
      waypoint
        ? `has context ${context}; a waypoint is patched as SIDECAR_INBOUND`
        : 'has context SIDECAR_INBOUND: what goes out is not touched',
      `use context: ${waypoint ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND'}`,
    )
  }
  if (
    waypoint &&
    (portNumber !== undefined || (listenerName ?? 'main_internal') !== 'main_internal')
  ) {
    yield error(
      'envoyfilter-match',
      patchName(patch),
      'matches a port or listener that a waypoint does not have',
      'match listener.name: main_internal',
    )
  }
  if (
    !waypoint &&
    context !== 'GATEWAY' &&
    portNumber === undefined &&
    listenerName === undefined &&
    patch.sni === undefined &&
    patch.chainName === undefined
  ) {
    yield warning(
      'envoyfilter-wide',
      patchName(patch),
      'has no port: it changes every outbound tcp_proxy, databases and unknown ports too',
      'add match.listener.portNumber: 443',
    )
  }
}

function* checkValue(patch: Patch): Generator<Finding> {
  const { type, value, flush, deprecatedFlush } = patch
  if (type !== undefined && Object.values(TYPES).includes(type)) {
    for (const { code, wrong, fix, isSure } of checkMessage(value, type)) {
      yield (isSure ? error : warning)(code, patchName(patch), wrong, fix)
    }
  }
  if (deprecatedFlush !== undefined && flush !== undefined) {
    yield error(
      'flush-conflict',
      patchName(patch),
      'sets access_log_flush_interval directly under TcpProxy and access_log_options: Envoy refuses the listener',
      'remove the first',
    )
  }
}

function* checkAccessLog(patch: Patch, log: PatchedAccessLog): Generator<Finding> {
  const { commonConfig, cluster, filters } = log
  const missing = [
    ...(log.logName === undefined ? ['log_name'] : []),
    ...(cluster === undefined && protoAt(commonConfig, 'grpc_service', 'google_grpc') === undefined
      ? ['grpc_service.envoy_grpc.cluster_name']
      : []),
  ]
  for (const field of missing) {
    yield error(
      'envoyfilter-required',
      patchName(patch),
      `has an access log without ${field}: Envoy refuses the listener`,
      `add it to common_config`,
    )
  }
  if (protoAt(commonConfig, 'transport_api_version') !== 'V3') {
    yield error(
      'envoyfilter-api-version',
      patchName(patch),
      'has an access log without transport_api_version: V3: Envoy refuses the listener',
      'add it to common_config',
    )
  }
  const sampling = filters.find((name) => SAMPLING.includes(name))
  if (sampling !== undefined) {
    yield error(
      'sampled',
      patchName(patch),
      `samples its access log (${sampling}): bytes would be missing without a trace`,
      'use an expression instead',
    )
  }
  if (patch.filterName !== undefined && patch.filterName !== TCP_PROXY) {
    yield warning(
      'envoyfilter-protocol',
      patchName(patch),
      `puts a connection's access log on ${patch.filterName}: one entry a request`,
      `match filter.name: ${TCP_PROXY}`,
    )
  }
  const tags = listOf(protoAt(commonConfig, 'custom_tags')).map(fieldsOf)
  if (tags.some((tag) => textOf(tag['tag']) === undefined)) {
    yield error(
      'envoyfilter-required',
      patchName(patch),
      'has a custom tag without a name: Envoy refuses the listener',
      'add tag: …',
    )
  }
}
