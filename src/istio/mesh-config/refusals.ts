import { apexOf, isWildcard } from './hosts.ts'
import { fqdnOf, type MeshRequest } from './request.ts'
import type { VariantName } from './variant-names.ts'
import { VARIANTS } from './variants.ts'

/** Why a request is not carried out: it would report or bill twice, do nothing, or break traffic. */
export interface Refusal {
  readonly subject: string
  /** What is wrong, without a subject. */
  readonly wrong: string
  /** What to do about it, in the imperative. */
  readonly fix: string
}

/** What the receiver is configured with, as far as the mesh must agree with it. */
export interface ServerSettings {
  /** `ledger.flush_interval`, ms. */
  readonly flushMs: number
  /** `gateways.bill_at`. */
  readonly billAt: MeshRequest['billAt']
  /** `gateways.hosts`. */
  readonly gatewayHosts: readonly string[]
}

/** The largest list of hosts that the ServiceEntry resource takes. */
const MAX_HOSTS = 256
/** MeshConfig's own providers: an entry of the same name is merged into them. */
const BUILT_IN_PROVIDERS = ['envoy', 'prometheus', 'stackdriver']
/** Envoy's own ports in a sidecar: capture, inbound, HBONE, health, metrics. */
const ENVOY_PORTS = [15_001, 15_006, 15_008, 15_020, 15_021, 15_090]
/** Variants whose ServiceEntries, routes or listener are for one port. */
const ONE_PORT: ReadonlySet<VariantName> = new Set(['exact-host', 'egress-gateway'])

/** Every reason against the request; none = it can be carried out. */
export function refusalsOf(request: MeshRequest, server: ServerSettings): Refusal[] {
  return [
    ...againstHosts(request),
    ...againstPorts(request),
    ...againstFlush(request, server),
    ...againstPlaces(request),
    ...againstVariant(request, server),
  ]
}

function* againstHosts({ hosts, variant }: MeshRequest): Generator<Refusal> {
  const exact = hosts.filter((host) => !isWildcard(host))
  if (variant === 'exact-host' && exact.length === 0) {
    yield {
      subject: '--variant exact-host',
      wrong: 'has no exact host: TLS cannot be originated for a wildcard',
      fix: 'add one, or use --variant telemetry',
    }
  }
  if (variant !== 'exact-host' && exact.length > 0) {
    yield {
      subject: `--host ${exact.join(', ')}`,
      wrong: `would never be logged: variant ${variant} is for wildcards, and its filter asks for a cluster with a star`,
      fix: 'use --variant exact-host, which takes both kinds',
    }
  }
  const topLevel = hosts.filter((host) => isWildcard(host) && !apexOf(host).includes('.'))
  if (variant === 'egress-gateway' && topLevel.length > 0) {
    yield {
      subject: `--host ${topLevel.join(', ')}`,
      wrong: 'has no common endpoint that a gateway could dial',
      fix: 'name the domains, like *.example.com',
    }
  }
  if (hosts.length > MAX_HOSTS) {
    yield {
      subject: `${hosts.length} hosts`,
      wrong: `are more than one ServiceEntry takes (${MAX_HOSTS})`,
      fix: 'use wider wildcards',
    }
  }
}

function* againstPorts({ ports, variant }: MeshRequest): Generator<Refusal> {
  if (ports.includes(80)) {
    yield {
      subject: '--port 80',
      wrong: 'carries HTTP, which has no server name',
      fix: 'leave it out; --variant exact-host has port 80 with TLS from the sidecar',
    }
  }
  const own = ports.find((port) => ENVOY_PORTS.includes(port))
  if (own !== undefined) {
    yield {
      subject: `--port ${own}`,
      wrong: "is one of the sidecar's own",
      fix: 'give the port that apps dial',
    }
  }
  if (ONE_PORT.has(variant) && ports.length > 1) {
    yield {
      subject: `--port ${ports.join(', ')}`,
      wrong: `are more than variant ${variant} can route`,
      fix: 'give one port',
    }
  }
}

function* againstFlush({ flushMs }: MeshRequest, server: ServerSettings): Generator<Refusal> {
  const subject = `--flush ${flushMs / 1000}s`
  if (flushMs < 1000) {
    yield {
      subject,
      wrong: 'makes every open connection of the mesh speak more than once a second',
      fix: 'use 1s or more, like 15s',
    }
  }
  if (flushMs > server.flushMs) {
    yield {
      subject,
      wrong: `is longer than the receiver expects (ledger.flush_interval: ${server.flushMs / 1000}s): windows would close before a connection speaks`,
      fix: "use a shorter one, or raise the receiver's and say so with --config",
    }
  }
}

function* againstPlaces(request: MeshRequest): Generator<Refusal> {
  const { rootNamespace, receiver, provider } = request
  if (BUILT_IN_PROVIDERS.includes(provider)) {
    yield {
      subject: `--provider ${provider}`,
      wrong: 'is the name of a provider that Istio brings',
      fix: 'use another one, like snimeter',
    }
  }
  if (rootNamespace === receiver.namespace) {
    yield {
      subject: `--root-namespace ${rootNamespace}`,
      wrong:
        "is the receiver's own namespace: a Telemetry or EnvoyFilter there reaches nobody else",
      fix: "give MeshConfig's rootNamespace (istio-system unless yours differs)",
    }
  }
}

function* againstVariant(request: MeshRequest, server: ServerSettings): Generator<Refusal> {
  const { variant, release, form } = request
  if (variant === 'envoyfilter-only' && form !== 'kubectl') {
    yield {
      subject: `--form ${form}`,
      wrong: 'prints MeshConfig, and variant envoyfilter-only has none',
      fix: 'leave it out',
    }
  }
  const { since } = VARIANTS[variant]
  if (release.minor < since.minor) {
    yield {
      subject: `--variant ${variant}`,
      wrong: `needs Istio 1.${since.minor}: ${since.reason}`,
      fix: `say --istio 1.${since.minor} once the mesh runs it, or use --variant telemetry`,
    }
  }
  const gatewayHost = fqdnOf(request.gateway)
  const isHop = server.gatewayHosts.includes(gatewayHost)
  if (variant === 'egress-gateway' && server.billAt === 'gateway' && !isHop) {
    yield {
      subject: '--variant egress-gateway',
      wrong:
        'would bill every byte twice: the receiver bills at the gateway (gateways.bill_at) and does not know that sidecars pass it',
      fix: `add ${gatewayHost} to gateways.hosts, or set gateways.bill_at: sidecar`,
    }
  }
}
