import { type KubeObject, nameOf } from './documents.ts'
import type { Provider } from './mesh-config.ts'

/** Envoy's attributes that an access log of TCP has; a name that does not exist logs nothing at all. */
const TCP_ATTRIBUTES = [
  'connection.requested_server_name',
  'destination.port',
  'upstream.address',
  'xds.cluster_name',
  'xds.listener_direction',
  'xds.node',
]
/** Those that HTTP has besides. */
const HTTP_ATTRIBUTES = ['request.host']

/**
 * Attributes of an expression that Envoy does not have for this kind of log: no validation of Istio or
 * Envoy tells them, and the filter then always says no.
 */
export function unknownAttributes(expression: string, kind: 'tcp' | 'http'): string[] {
  const code = expression.replaceAll(/'[^']*'/g, "''")
  const known = kind === 'tcp' ? TCP_ATTRIBUTES : [...TCP_ATTRIBUTES, ...HTTP_ATTRIBUTES]
  return (
    [...code.matchAll(/[a-z_]\w*(?:\.\w+)*/gi)]
      // What is called is a function of the language: `has(`, `xds.cluster_name.contains(`.
      .map(([path]) => path.replace(/\.?(?:contains|endsWith|startsWith|has)$/, ''))
      .filter((path) => path !== '' && !known.includes(path))
  )
}

/** A Service's cluster in Envoy, as Istio names it. */
export function clusterOf({ metadata }: KubeObject, port: number): string {
  return `outbound|${port}||${metadata.name}.${metadata.namespace}.svc.cluster.local`
}

/** What one set of mesh objects must agree on, and no schema sees; none = they do. */
export function meshProblems(
  objects: readonly KubeObject[],
  providers: readonly Provider[],
  receiver: KubeObject,
): string[] {
  return [
    ...objects.flatMap((object) => [...telemetryProblems(object, providers)]),
    ...patchProblems(
      objects.filter(({ kind }) => kind === 'EnvoyFilter'),
      receiver,
    ),
    ...providers.flatMap((provider) => [...providerProblems(provider, receiver)]),
  ]
}

interface LogEntry {
  readonly providers: readonly { readonly name: string }[]
  readonly filter?: { readonly expression: string }
  readonly disabled?: boolean
}

function* telemetryProblems(object: KubeObject, providers: readonly Provider[]): Generator<string> {
  if (object.kind !== 'Telemetry') return
  for (const { providers: used, filter, disabled } of object.spec.accessLogging as LogEntry[]) {
    for (const { name } of used) {
      const provider = providers.find((known) => known.name === name)
      if (provider === undefined) yield `${nameOf(object)}: no provider is called ${name}`
      if (disabled === true) continue
      // Without one every connection of the mesh would be sent.
      if (filter === undefined) yield `${nameOf(object)}: ${name} has no filter`
      const kind = provider?.envoyHttpAls === undefined ? 'tcp' : 'http'
      for (const attribute of unknownAttributes(filter?.expression ?? '', kind)) {
        yield `${nameOf(object)}: ${kind} has no attribute ${attribute}`
      }
    }
  }
}

function portsOf(receiver: KubeObject): readonly { readonly port: number }[] {
  return (receiver.spec.ports as { port: number; appProtocol: string }[]).filter(
    ({ appProtocol }) => appProtocol === 'grpc',
  )
}

function* providerProblems(
  { name, envoyTcpAls, envoyHttpAls }: Provider,
  receiver: KubeObject,
): Generator<string> {
  const { service, port } = envoyTcpAls ?? envoyHttpAls ?? { service: '', port: 0 }
  const { metadata } = receiver
  const host = `${metadata.namespace}/${metadata.name}.${metadata.namespace}.svc.cluster.local`
  if (service !== host) yield `provider ${name}: ${service} is not the receiver (${host})`
  if (!portsOf(receiver).some((known) => known.port === port)) {
    yield `provider ${name}: ${port} is no gRPC port of the receiver`
  }
}

const TCP_PROXY = 'envoy.filters.network.tcp_proxy'

function* patchProblems(filters: readonly KubeObject[], receiver: KubeObject): Generator<string> {
  const places = new Set<string>()
  for (const filter of filters) {
    for (const { match, patch } of filter.spec.configPatches) {
      const name = nameOf(filter)
      const { portNumber, filterChain } = match.listener
      // Without the name istiod merges into every filter, fails, and drops all patches of the proxy.
      if (filterChain?.filter?.name !== TCP_PROXY) yield `${name}: has no filter name`
      const place = `${match.context} ${portNumber ?? match.listener.name}`
      if (places.has(place)) yield `${name}: a second patch on ${place}`
      places.add(place)
      const proxy = patch.value.typed_config
      if (proxy.access_log_flush_interval !== undefined) {
        yield `${name}: the deprecated access_log_flush_interval`
      }
      for (const log of proxy.access_log ?? []) yield* accessLogProblems(name, log, receiver)
    }
  }
}

interface AccessLog {
  readonly filter: { extension_filter: { typed_config: { expression: string } } }
  readonly typed_config: {
    common_config: { grpc_service: { envoy_grpc: { cluster_name: string; authority: string } } }
  }
}

function* accessLogProblems(
  name: string,
  { filter, typed_config }: AccessLog,
  receiver: KubeObject,
): Generator<string> {
  const { cluster_name, authority } = typed_config.common_config.grpc_service.envoy_grpc
  const clusters = portsOf(receiver).map(({ port }) => clusterOf(receiver, port))
  if (!clusters.includes(cluster_name)) {
    yield `${name}: ${cluster_name} is not the receiver (${clusters.join()})`
  }
  if (!cluster_name.endsWith(`||${authority}`)) yield `${name}: ${authority} is another authority`
  const { expression } = filter.extension_filter.typed_config
  for (const attribute of unknownAttributes(expression, 'tcp')) {
    yield `${name}: tcp has no attribute ${attribute}`
  }
}
