import { type Expression, problemsOf, readExpression, type SampleConnection } from '../cel.ts'
import type { ClusterObject } from '../yaml-stream.ts'
import { error, type Finding, nameOf, warning } from './finding.ts'
import {
  clusterOf,
  type Entry,
  type EntryPort,
  isAmbient,
  isTls,
  isWildcard,
  type Mesh,
  serverNameFor,
} from './mesh.ts'
import { capturesDns } from './mesh-config.ts'
import { isForWaypoint } from './placement.ts'
import { gatewayRoutes } from './routes.ts'
import { isClient } from './telemetry.ts'

/** One filter of ours, wherever it stands. */
interface Filter {
  readonly owner: ClusterObject
  readonly text: string | undefined
  readonly protocol: 'tcp' | 'http' | undefined
  readonly isWaypoint: boolean
}

/**
 * Filters of our access logs: does Envoy know every attribute, and what do they let through? Istio
 * only parses an expression; an attribute that does not exist is an error at run time, which counts as
 * false: nothing is logged and nobody is told (measured).
 */
export function* checkExpressions(mesh: Mesh): Generator<Finding> {
  const readable: (Filter & { expression: Expression })[] = []
  for (const filter of filtersOf(mesh)) {
    if (filter.text === undefined) {
      yield warning(
        'filter-missing',
        filter.owner,
        'logs without a filter: calls inside the mesh and through ingress gateways as well',
        `add one: filter: {expression: "xds.cluster_name.contains('|*.') && connection.requested_server_name != ''"}`,
      )
      continue
    }
    const problems = problemsOf(filter.text, filter.protocol)
    for (const { code, wrong, fix } of problems) yield error(code, filter.owner, wrong, fix)
    const expression = readExpression(filter.text)
    if (problems.length === 0 && !('wrong' in expression)) readable.push({ ...filter, expression })
  }
  const sidecars = readable.filter(({ protocol, isWaypoint }) => protocol !== 'http' && !isWaypoint)
  for (const filter of sidecars) yield* checkWidth(filter)
  if (sidecars.length > 0) yield* checkHosts(mesh, sidecars)
}

function filtersOf(mesh: Mesh): Filter[] {
  const used = mesh.uses.flatMap((use): Filter[] => {
    const { owner, provider, isDisabled, expression } = use
    if (provider === undefined || !mesh.isOurs(provider) || isDisabled) return []
    const isWaypoint = isForWaypoint(mesh, owner)
    if (!isClient(use) && !isWaypoint) return []
    return [{ owner, text: expression, protocol: protocolOf(mesh, provider), isWaypoint }]
  })
  const patched = mesh.patches.flatMap(({ owner, accessLogs, context }) =>
    context === 'GATEWAY'
      ? []
      : accessLogs
          // Other kinds of filter are not expressions; what they are is checked with the patch.
          .filter(({ expression, filters }) => expression !== undefined || filters.length === 0)
          .map(({ expression }) => ({
            owner,
            text: expression,
            protocol: 'tcp' as const,
            isWaypoint: isForWaypoint(mesh, owner),
          })),
  )
  return [...used, ...patched]
}

function protocolOf(mesh: Mesh, provider: string): 'tcp' | 'http' | undefined {
  const kind = mesh.meshConfig?.providers.find(({ name }) => name === provider)?.kind
  if (kind === 'tcp' || kind === 'http') return kind
  return provider.endsWith('-http') ? 'http' : undefined
}

/** Connections that are no egress: a call in the mesh, and TLS through an ingress gateway. */
const IN_MESH: SampleConnection = {
  cluster: 'outbound|5432||db.shop.svc.cluster.local',
  serverName: '',
  port: 5432,
}
const INGRESS: SampleConnection = {
  cluster: 'outbound|8443||web.shop.svc.cluster.local',
  serverName: 'ingress.invalid',
  port: 8443,
}

function* checkWidth({
  owner,
  expression,
}: Filter & { expression: Expression }): Generator<Finding> {
  const through = [
    ...(expression.logs(IN_MESH) === true ? ['calls inside the mesh'] : []),
    ...(expression.logs(INGRESS) === true ? ['TLS through ingress gateways'] : []),
  ]
  if (through.length === 0) return
  yield warning(
    'filter-too-wide',
    owner,
    `lets ${through.join(' and ')} through, which would be counted as egress`,
    "ask for the cluster: xds.cluster_name.contains('|*.') && …",
  )
}

/** Hosts that somebody declared and the filters would hide. */
function* checkHosts(
  mesh: Mesh,
  filters: readonly (Filter & { expression: Expression })[],
): Generator<Finding> {
  const root = filters.filter(({ owner }) => owner.namespace === mesh.rootNamespace)
  const inForce = root.length > 0 ? root : filters
  const subject = [...new Set(inForce.map(({ owner }) => nameOf(owner)))].join(', ')
  const passes = (connection: SampleConnection): boolean =>
    inForce.some(({ expression }) => expression.logs(connection) !== false)
  const routes = gatewayRoutes(mesh)
  for (const entry of mesh.entries) {
    if (!entry.isExternal) continue
    for (const port of entry.ports.filter(isTls)) {
      for (const host of entry.hosts) {
        const gateway = routes.find(({ hosts }) => hosts.includes(host))?.destination
        yield* checkHost(subject, passes, { entry, host, port, gateway, mesh })
      }
    }
  }
}

interface HostCase {
  readonly mesh: Mesh
  readonly entry: Entry
  readonly host: string
  readonly port: EntryPort
  /** The egress gateway that sidecars send it to. */
  readonly gateway: string | undefined
}

function* checkHost(
  subject: string,
  passes: (connection: SampleConnection) => boolean,
  { mesh, entry, host, port: { number: port }, gateway }: HostCase,
): Generator<Finding> {
  if (isAmbient(mesh, entry)) return
  const serverName = serverNameFor(host)
  const direct = { cluster: clusterOf(host, port), serverName, port }
  if (gateway !== undefined) {
    if (passes({ ...direct, cluster: clusterOf(gateway, port) })) return
    yield error(
      'filter-hides-gateway',
      subject,
      `hides ${host}, which sidecars send to ${gateway}: their cluster is the gateway's, without a star`,
      `filter by name: connection.requested_server_name.endsWith('${isWildcard(host) ? host.slice(1) : host}')`,
    )
  } else if (isWildcard(host) && !passes(direct)) {
    yield warning(
      'filter-hides-host',
      subject,
      `hides ${host}:${port} of ${nameOf(entry.object)}: its connections are not logged`,
      'widen the filter if you pay for it',
    )
  } else if (!isWildcard(host) && hasVirtualAddress(mesh, entry)) {
    if (passes({ ...direct, serverName: '' })) return
    yield warning(
      'vip-no-server-name',
      entry.object,
      `${host}:${port} gets a virtual address, whose listener does not look at the server name: the filter of ${subject} hides it`,
      `label it networking.istio.io/enable-autoallocate-ip: "false", or filter by cluster: || xds.cluster_name == '${clusterOf(host, port)}'`,
    )
  }
}

/**
 * Addresses of its own: written down, or given by istiod (since 1.25, unless the label says no) to a
 * sidecar that captures DNS. Such a listener has no tls_inspector (measured).
 */
function hasVirtualAddress({ meshConfig }: Mesh, { object, resolution }: Entry): boolean {
  if (resolution === 'NONE') return false
  if (Array.isArray(object.spec['addresses']) && object.spec['addresses'].length > 0) return true
  return (
    capturesDns(meshConfig) &&
    object.labels['networking.istio.io/enable-autoallocate-ip'] !== 'false'
  )
}
