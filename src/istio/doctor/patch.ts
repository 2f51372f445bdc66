import { at, type Fields, fieldsOf, listOf, numberOf, protoAt, textOf } from '../untyped.ts'
import { type ClusterObject, specList } from '../yaml-stream.ts'
import { nameOf } from './finding.ts'

export const TCP_PROXY = 'envoy.filters.network.tcp_proxy'
export const TCP_PROXY_TYPE = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'

const TYPE_PREFIX = 'type.googleapis.com/'
const GRPC_LOGS = [
  'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
  'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
]

/** A gRPC access log that a patch appends. */
export interface PatchedAccessLog {
  readonly cluster: string | undefined
  readonly expression: string | undefined
  /** Names of the filters in use, `extension_filter` and so on. */
  readonly filters: readonly string[]
  readonly logName: string | undefined
  readonly commonConfig: Fields
}

/** One patch of an EnvoyFilter on a network filter. */
export interface Patch {
  readonly owner: ClusterObject
  /** From 1, as people count. */
  readonly number: number
  readonly operation: string
  readonly context: string
  readonly portNumber: number | undefined
  readonly listenerName: string | undefined
  readonly filterName: string | undefined
  readonly sni: string | undefined
  readonly chainName: string | undefined
  readonly transportProtocol: string | undefined
  /** The message of `typed_config`, without the prefix of the URL; undefined if it has none. */
  readonly type: string | undefined
  /** `typed_config`. */
  readonly value: Fields
  /** `access_log_options.access_log_flush_interval`, as written. */
  readonly flush: string | undefined
  /** The same at the top level: deprecated. */
  readonly deprecatedFlush: string | undefined
  readonly accessLogs: readonly PatchedAccessLog[]
}

export function readPatches(objects: readonly ClusterObject[]): Patch[] {
  return objects
    .filter(({ kind }) => kind === 'EnvoyFilter')
    .flatMap((owner) =>
      specList(owner, 'configPatches').flatMap((patch, index) =>
        patch['applyTo'] === 'NETWORK_FILTER' ? [readPatch(owner, index + 1, patch)] : [],
      ),
    )
}

function readPatch(owner: ClusterObject, number: number, patch: Fields): Patch {
  const listener = fieldsOf(at(patch, 'match', 'listener'))
  const chain = fieldsOf(listener['filterChain'])
  const value = fieldsOf(protoAt(at(patch, 'patch', 'value'), 'typed_config'))
  const flush = protoAt(value, 'access_log_options', 'access_log_flush_interval')
  return {
    owner,
    number,
    operation: textOf(at(patch, 'patch', 'operation')) ?? 'INVALID',
    context: textOf(at(patch, 'match', 'context')) ?? 'ANY',
    portNumber: numberOf(listener['portNumber']),
    listenerName: textOf(listener['name']),
    filterName: textOf(at(chain, 'filter', 'name')),
    sni: textOf(chain['sni']),
    chainName: textOf(chain['name']),
    transportProtocol: textOf(chain['transportProtocol']),
    type: typeOf(value),
    value,
    flush: flush === undefined ? undefined : (textOf(flush) ?? JSON.stringify(flush)),
    deprecatedFlush: textOf(protoAt(value, 'access_log_flush_interval')),
    accessLogs: listOf(protoAt(value, 'access_log')).flatMap(readAccessLog),
  }
}

/** The message that an `@type` names. */
export function typeOf(value: Fields): string | undefined {
  return textOf(value['@type'])?.replace(TYPE_PREFIX, '')
}

function readAccessLog(log: unknown): PatchedAccessLog[] {
  const config = fieldsOf(protoAt(log, 'typed_config'))
  if (!GRPC_LOGS.includes(typeOf(config) ?? '')) return []
  const filter = fieldsOf(protoAt(log, 'filter'))
  const commonConfig = fieldsOf(protoAt(config, 'common_config'))
  return [
    {
      cluster: textOf(protoAt(commonConfig, 'grpc_service', 'envoy_grpc', 'cluster_name')),
      expression: textOf(protoAt(filter, 'extension_filter', 'typed_config', 'expression')),
      filters: Object.keys(filter),
      logName: textOf(protoAt(commonConfig, 'log_name')),
      commonConfig,
    },
  ]
}

/** `EnvoyFilter namespace/name patch 1`. */
export const patchName = ({ owner, number }: Patch): string => `${nameOf(owner)} patch ${number}`

/** A filter of connections; a patch without a filter name counts by its message. */
const isOnTcpProxy = ({ filterName, type }: Patch): boolean =>
  filterName === TCP_PROXY ||
  (filterName === undefined && (type ?? TCP_PROXY_TYPE) === TCP_PROXY_TYPE)

const hasKey = ({ value }: Patch, pattern: RegExp): boolean =>
  Object.keys(flatKeys(value)).some((key) => pattern.test(key))

/** Whether it was written to make open connections report; misspelt ones included. */
export const intendsFlush = (patch: Patch): boolean =>
  isOnTcpProxy(patch) && hasKey(patch, /flush|access_?log_?opt/i)

/** Whether it was written for us, as far as can be seen: it logs to us, or makes connections report. */
export const isForUs = (patch: Patch): boolean => patch.accessLogs.length > 0 || intendsFlush(patch)

/** Whether it is about access logs of connections, ours or others', misspelt ones included. */
export const concernsAccessLog = (patch: Patch): boolean =>
  isForUs(patch) || (isOnTcpProxy(patch) && hasKey(patch, /access_?log/i))

/** Keys of the value and of the maps right below it. */
const flatKeys = (value: Fields): Fields =>
  Object.assign({}, value, ...Object.values(value).map(fieldsOf)) as Fields

/** Whether one patch can reach a chain that the other reaches too; the root namespace reaches all. */
export function overlaps(a: Patch, b: Patch, rootNamespace: string): boolean {
  const same = <T>(one: T | undefined, other: T | undefined): boolean =>
    one === undefined || other === undefined || one === other
  const contexts = a.context === b.context || a.context === 'ANY' || b.context === 'ANY'
  return (
    contexts &&
    same(portOf(a), portOf(b)) &&
    same(a.sni, b.sni) &&
    same(a.filterName, b.filterName) &&
    reachSameWorkloads(a.owner, b.owner, rootNamespace)
  )
}

/** The port that a patch is limited to, by number or by a listener's name. */
export function portOf({ portNumber, listenerName }: Patch): number | undefined {
  const named = /_(\d+)$/.exec(listenerName ?? '')?.[1]
  return portNumber ?? (named === undefined ? undefined : Number(named))
}

/** Different selectors are taken for different workloads. */
function reachSameWorkloads(a: ClusterObject, b: ClusterObject, rootNamespace: string): boolean {
  if (a.namespace !== b.namespace && ![a.namespace, b.namespace].includes(rootNamespace))
    return false
  const [one, other] = [selectionOf(a), selectionOf(b)]
  return one === other || one === 'null' || other === 'null'
}

/** The workloads of its namespace that an EnvoyFilter names, as text; `null` for all. */
export const selectionOf = ({ spec }: ClusterObject): string =>
  JSON.stringify(spec['targetRefs'] ?? spec['workloadSelector'] ?? null)
