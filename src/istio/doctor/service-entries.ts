import { at, listOf, numberOf, textOf, textsOf } from '../untyped.ts'
import { error, type Finding, nameOf, note, warning } from './finding.ts'
import { type Entry, isAmbient, isTls, isWildcard, type Mesh } from './mesh.ts'
import { routesOfGateways } from './routes.ts'

/** Lower case, `*.` at the front at most, no dot at the end: Envoy and Istio compare hosts as text. */
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/

/** ServiceEntries of what lies outside: is there a chain, does it go somewhere, is it the only one. */
export function* checkServiceEntries(mesh: Mesh): Generator<Finding> {
  const external = mesh.entries.filter(({ isExternal }) => isExternal)
  for (const entry of external) {
    yield* checkHosts(mesh, entry)
    yield* checkResolution(mesh, entry)
    yield* checkPorts(mesh, entry)
    const exportTo = textsOf(entry.object.spec['exportTo'])
    if (exportTo.length > 0 && !exportTo.includes('*')) {
      yield warning(
        'export-to',
        entry.object,
        `is exported to ${exportTo.join(', ')} only: elsewhere its hosts have no chain`,
        'remove exportTo, or write ["*"]',
      )
    }
  }
  yield* checkDuplicates(external)
}

function* checkHosts(mesh: Mesh, entry: Entry): Generator<Finding> {
  const all = new Set(mesh.entries.flatMap(({ hosts }) => hosts))
  for (const host of entry.hosts) {
    if (!HOST.test(host)) {
      yield error(
        'host-invalid',
        entry.object,
        `${host} is no host that a server name can match`,
        'write it in lower case, like bucket.example.com or *.example.com',
      )
    }
  }
  const alone = entry.hosts.filter((host) => isWildcard(host) && !all.has(host.slice(2)))
  if (alone.length === 0) return
  yield note(
    'wildcard-apex',
    entry.object,
    `${alone.join(', ')} do${alone.length > 1 ? '' : 'es'} not match the name behind the star itself`,
    'add that as a host of its own if apps use it',
  )
}

function* checkResolution(mesh: Mesh, entry: Entry): Generator<Finding> {
  const { object, hosts, resolution } = entry
  const wildcards = hosts.filter(isWildcard)
  if (wildcards.length === 0) return
  const hasEndpoints = listOf(object.spec['endpoints']).length > 0
  if (resolution.startsWith('DNS') && !hasEndpoints) {
    yield error(
      'wildcard-dns',
      object,
      `has resolution ${resolution} for ${wildcards.join(', ')}: a wildcard has no address to look up`,
      'use resolution: NONE, or DYNAMIC_DNS from Istio 1.30',
    )
  }
  const { istioMinor } = mesh.options
  if (resolution === 'DYNAMIC_DNS' && istioMinor !== undefined && istioMinor < 30) {
    yield error(
      'dynamic-dns-release',
      object,
      `has resolution DYNAMIC_DNS, which breaks traffic on Istio 1.${istioMinor}: the chain's cluster does not exist`,
      'use resolution: NONE, or Istio 1.30',
    )
  }
  if (isAmbient(mesh, entry)) {
    if (resolution !== 'NONE') return
    yield error(
      'waypoint-resolution',
      object,
      'has resolution NONE behind a waypoint, which has no chain for it',
      'use resolution: DYNAMIC_DNS',
    )
    return
  }
  const routed = routesOfGateways(mesh).map(({ destination }) => destination)
  const behind = wildcards.filter((host) => routed.includes(host))
  if (behind.length > 0 && !hasEndpoints) {
    yield error(
      'gateway-resolution',
      object,
      `has resolution ${resolution} for ${behind.join(', ')} behind an egress gateway, where ${resolution === 'NONE' ? 'it has no endpoints' : 'it dials port 80'}`,
      'use resolution: DNS with one endpoint that serves all, like the name behind the star',
    )
  }
}

function* checkPorts(mesh: Mesh, entry: Entry): Generator<Finding> {
  const { object, hosts, ports } = entry
  for (const port of ports) {
    if (isTls(port)) continue
    if (port.number === 443 || (hosts.some(isWildcard) && !port.protocol.startsWith('HTTP'))) {
      yield error(
        'port-not-tls',
        object,
        `port ${port.number} is ${port.protocol === '' ? 'undeclared' : port.protocol}: its connections are not matched by server name`,
        'use protocol: TLS',
      )
    }
    if (port.protocol.startsWith('HTTP') && port.targetPort === 443) {
      yield* checkOrigination(mesh, entry, port.number)
    }
  }
}

/** TLS from the sidecar needs a DestinationRule for that port, and for that port alone. */
function* checkOrigination(mesh: Mesh, entry: Entry, port: number): Generator<Finding> {
  const rules = mesh.ofKind('DestinationRule')
  for (const host of entry.hosts) {
    const own = rules.filter(({ spec }) => spec['host'] === host)
    const modes = own.flatMap(({ spec }) => {
      const settings = listOf(at(spec, 'trafficPolicy', 'portLevelSettings'))
      const ofPort = settings.find((one) => numberOf(at(one, 'port', 'number')) === port)
      return [textOf(at(ofPort, 'tls', 'mode')) ?? textOf(at(spec, 'trafficPolicy', 'tls', 'mode'))]
    })
    if (!modes.some((mode) => mode === 'SIMPLE' || mode === 'MUTUAL')) {
      // Without a single rule it is more likely that none was given.
      const found = rules.length === 0 ? note : error
      yield found(
        'tls-origination',
        entry.object,
        `sends plain HTTP of ${host}:${port} to port 443`,
        `add a DestinationRule for ${host} with tls: {mode: SIMPLE} on port ${port}`,
      )
    }
    const whole = own.find(({ spec }) => {
      const mode = at(spec, 'trafficPolicy', 'tls', 'mode')
      return mode === 'SIMPLE' || mode === 'MUTUAL'
    })
    if (whole !== undefined && entry.ports.some(isTls)) {
      yield error(
        'tls-twice',
        whole,
        `originates TLS on every port of ${host}, also where the app speaks TLS itself`,
        `move tls to portLevelSettings of port ${port}`,
      )
    }
    yield* checkHttpProvider(mesh, entry, host, port)
  }
}

/** On the HTTP path there is no server name: only an HTTP access log has the authority. */
function* checkHttpProvider(
  mesh: Mesh,
  entry: Entry,
  host: string,
  port: number,
): Generator<Finding> {
  const used = mesh.uses.flatMap(({ provider }) => provider ?? []).filter(mesh.isOurs)
  if (used.length === 0 || mesh.meshConfig === undefined) return
  const { providers } = mesh.meshConfig
  if (used.some((name) => providers.some((one) => one.name === name && one.kind === 'http'))) return
  yield warning(
    'http-provider-missing',
    entry.object,
    `${host}:${port} is HTTP for the sidecar, without a server name, and no envoyHttpAls provider logs it`,
    'see snimeter mesh-config --variant exact-host',
  )
}

function* checkDuplicates(entries: readonly Entry[]): Generator<Finding> {
  const seen = new Map<string, Entry>()
  for (const entry of entries) {
    for (const host of entry.hosts) {
      for (const { number } of entry.ports) {
        const other = seen.get(`${host}:${number}`)
        seen.set(`${host}:${number}`, entry)
        if (other === undefined || other === entry) continue
        yield warning(
          'host-duplicate',
          entry.object,
          `declares ${host}:${number}, and so does ${nameOf(other.object)}: each proxy takes one of the two`,
          'keep one',
        )
      }
    }
  }
}
