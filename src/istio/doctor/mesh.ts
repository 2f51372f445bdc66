import { type Fields, listOf, numberOf, textOf } from '../untyped.ts'
import { type ClusterObject, specList } from '../yaml-stream.ts'
import { findMeshConfig, type MeshConfig } from './mesh-config.ts'
import { type Patch, type PatchedAccessLog, readPatches } from './patch.ts'
import { type AccessLogUse, readAccessLogUses } from './telemetry.ts'

/** What doctor is told; everything else it finds in the objects. */
export interface DoctorOptions {
  /** MeshConfig's `rootNamespace`; undefined: as MeshConfig says, else `istio-system`. */
  readonly rootNamespace?: string
  /** The receiver's Service; undefined: as the provider says, else `snimeter/snimeter:9001`. */
  readonly receiver?: Receiver
  /** Name of the extension provider; `<name>-http` is ours as well. */
  readonly provider: string
  /** The receiver's `ledger.flush_interval`, ms: what it expects of an open connection. */
  readonly flushMs: number
  /** Minor of the Istio release, 29 for 1.29; undefined: not known, nothing about it is checked. */
  readonly istioMinor?: number
}

export interface Receiver {
  readonly namespace: string
  readonly name: string
  readonly port: number
}

/** A ServiceEntry, read. */
export interface Entry {
  readonly object: ClusterObject
  readonly hosts: readonly string[]
  readonly ports: readonly EntryPort[]
  readonly resolution: string
  readonly isExternal: boolean
}

export interface EntryPort {
  readonly number: number
  /** Upper case; '' if undeclared. */
  readonly protocol: string
  readonly targetPort: number | undefined
}

/** Everything doctor reasons about. */
export interface Mesh {
  readonly objects: readonly ClusterObject[]
  readonly meshConfig: MeshConfig | undefined
  readonly rootNamespace: string
  readonly receiver: Receiver
  /** `name.namespace.svc.cluster.local`, or the domain that the provider says. */
  readonly receiverHost: string
  readonly entries: readonly Entry[]
  /** Access logs of Telemetries, ours and others'. */
  readonly uses: readonly AccessLogUse[]
  readonly patches: readonly Patch[]
  readonly options: DoctorOptions
  /** Whether a provider of this name reports to the receiver. */
  readonly isOurs: (provider: string) => boolean
  readonly ofKind: (kind: string) => readonly ClusterObject[]
}

/** Istio's own; `envoy` writes to stdout. */
export const BUILT_IN_PROVIDERS = ['envoy', 'prometheus', 'stackdriver']

export function readMesh(objects: readonly ClusterObject[], options: DoctorOptions): Mesh {
  const meshConfig = findMeshConfig(objects)
  const all = readPatches(objects)
  const { receiver, host } = findReceiver(meshConfig, all, options)
  // Other receivers of access logs are no business of ours.
  const patches = all.map((patch) => ({
    ...patch,
    accessLogs: patch.accessLogs.filter(
      (log) => log.cluster?.endsWith(`||${host}`) === true || isNamedLikeOurs(log, options),
    ),
  }))
  const ours = new Set([options.provider, `${options.provider}-http`])
  for (const { name, service } of meshConfig?.providers ?? []) {
    if (service !== undefined && hostOf(service) === host) ours.add(name)
  }
  return {
    objects,
    meshConfig,
    rootNamespace:
      options.rootNamespace ?? textOf(meshConfig?.fields['rootNamespace']) ?? 'istio-system',
    receiver,
    receiverHost: host,
    entries: objects.filter(({ kind }) => kind === 'ServiceEntry').map(readEntry),
    uses: readAccessLogUses(objects),
    patches,
    options,
    isOurs: (provider) => ours.has(provider),
    ofKind: (kind) => objects.filter((object) => object.kind === kind),
  }
}

/** The host of `[namespace/]host`. */
export const hostOf = (service: string): string => service.slice(service.indexOf('/') + 1)

const fqdn = ({ name, namespace }: Receiver): string => `${name}.${namespace}.svc.cluster.local`

/** By the name of its log, or of a Service that is called like the provider. */
const isNamedLikeOurs = (
  { logName, cluster }: PatchedAccessLog,
  { provider }: DoctorOptions,
): boolean =>
  logName === provider ||
  logName === `${provider}-http` ||
  (cluster ?? '').includes(`||${provider}.`)

/** In this order: what was told, the provider, the access log of an EnvoyFilter, our default. */
function findReceiver(
  meshConfig: MeshConfig | undefined,
  patches: readonly Patch[],
  options: DoctorOptions,
): { receiver: Receiver; host: string } {
  const { receiver, provider } = options
  if (receiver !== undefined) return { receiver, host: fqdn(receiver) }
  const ours = meshConfig?.providers.find(({ name }) => name === provider)
  const logs = patches.flatMap(({ accessLogs }) => accessLogs)
  const named = logs.filter((log) => isNamedLikeOurs(log, options))
  const clusters = (named.length > 0 ? named : logs).map(({ cluster }) => cluster)
  const [, clusterPort, clusterHost] =
    clusters
      .map((cluster) => /^outbound\|(\d+)\|\|(.+)$/.exec(cluster ?? ''))
      .find((match) => match !== null) ?? []
  const host = ours?.service === undefined ? clusterHost : hostOf(ours.service)
  const port = (ours === undefined ? Number(clusterPort) : ours.port) || 9001
  const [name = '', namespace] = (host ?? '').split('.')
  if (host !== undefined && namespace !== undefined) {
    return { receiver: { namespace, name, port }, host }
  }
  const standard = { namespace: 'snimeter', name: 'snimeter', port }
  return { receiver: standard, host: fqdn(standard) }
}

function readEntry(object: ClusterObject): Entry {
  const { spec } = object
  return {
    object,
    hosts: listOf(spec['hosts']).filter((host) => typeof host === 'string'),
    ports: specList(object, 'ports').map(readPort),
    // The API's default, and what an empty field means.
    resolution: textOf(spec['resolution']) ?? 'NONE',
    isExternal: textOf(spec['location']) !== 'MESH_INTERNAL',
  }
}

function readPort(port: Fields): EntryPort {
  return {
    number: numberOf(port['number']) ?? 0,
    protocol: (textOf(port['protocol']) ?? '').toUpperCase(),
    targetPort: numberOf(port['targetPort']),
  }
}

export const isWildcard = (host: string): boolean => host.startsWith('*.')

/** Both make a chain that matches on the server name. */
export const isTls = ({ protocol }: EntryPort): boolean =>
  protocol === 'TLS' || protocol === 'HTTPS'

/** The cluster of a host on a sidecar, as pilot names it. */
export const clusterOf = (host: string, port: number): string => `outbound|${port}||${host}`

/** A server name that a host matches. */
export const serverNameFor = (host: string): string =>
  isWildcard(host) ? `name${host.slice(1)}` : host

/** Billed at a waypoint, whose Telemetry is its own. */
export function isAmbient(mesh: Mesh, { object }: Entry): boolean {
  const label = 'istio.io/use-waypoint'
  const namespace = mesh.ofKind('Namespace').find(({ name }) => name === object.namespace)
  return label in object.labels || (namespace !== undefined && label in namespace.labels)
}
