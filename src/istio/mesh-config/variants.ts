import { originateTls } from './destination-rule.ts'
import { gatewayRoutes, passthroughGateway } from './egress-gateway.ts'
import { accessLogFilter, gatewayFlush, sidecarFlush, waypointFlush } from './envoy-filter.ts'
import { ANY_SERVER_NAME, toClusters, underWildcards, WILDCARD_HOSTS } from './expression.ts'
import { isWildcard } from './hosts.ts'
import type { Section } from './mesh-object.ts'
import { httpProviderName } from './provider.ts'
import type { MeshRequest } from './request.ts'
import { exactServiceEntry, gatewayServiceEntry, wildcardServiceEntry } from './service-entry.ts'
import { meshTelemetry, silentGateway, waypointTelemetry } from './telemetry.ts'
import type { VariantName } from './variant-names.ts'
import { waypointGateway } from './waypoint.ts'

/** One way to wire a mesh. */
export interface Variant {
  /** For whom it is, in a sentence. */
  readonly purpose: string
  /** The first Istio release it works on, with the reason; `minor` of 1.`minor`. */
  readonly since: { readonly minor: number; readonly reason: string }
  /** What must not be there beside it. */
  readonly notWith: string
  /** The objects, in the order to apply them. Pure: the same request, the same objects. */
  readonly sections: (request: MeshRequest) => Section[]
}

const ANY_RELEASE = { minor: 27, reason: 'older releases were not tried' }
const ONE_WAY = 'variant envoyfilter-only: two access logs on one chain report every byte twice.'

export const VARIANTS: Readonly<Record<VariantName, Variant>> = {
  telemetry: {
    purpose: 'Wildcard hosts, for the whole mesh, through the Telemetry API.',
    since: ANY_RELEASE,
    notWith: ONE_WAY,
    sections: (request) => [wildcards(request), telemetry(request, WILDCARD_HOSTS), flush(request)],
  },
  'envoyfilter-only': {
    purpose: 'For meshes whose Telemetry and MeshConfig must not be touched.',
    since: ANY_RELEASE,
    notWith:
      'a Telemetry that names a snimeter provider, or another of these variants: MERGE appends to access_log, and every byte would be reported twice.',
    sections: (request) => [wildcards(request), allInOne(request)],
  },
  'exact-host': {
    purpose:
      'Exact hosts, beside wildcards if you like: the app speaks HTTP to port 80 and the sidecar TLS to the host, or the app speaks TLS itself.',
    since: ANY_RELEASE,
    notWith: ONE_WAY,
    sections: exactHosts,
  },
  'unregistered-egress': {
    purpose: 'Wildcard hosts, and every other TLS name that apps reach on these ports.',
    since: ANY_RELEASE,
    notWith: `outboundTrafficPolicy REGISTRY_ONLY (nothing unregistered leaves), nor ${ONE_WAY}`,
    sections: (request) => [
      wildcards(request, [
        'At least one TLS ServiceEntry on a port is what makes Envoy look at server names there; then even unregistered ones, which go to PassthroughCluster, have theirs (measured).',
      ]),
      telemetry(request, ANY_SERVER_NAME, [
        'Names are chosen by clients: mind the budget of names (rollup.names) before you bill by them.',
      ]),
      flush(request),
    ],
  },
  'egress-gateway': {
    purpose: 'Wildcard hosts through an egress gateway (TLS passthrough), billed once.',
    since: ANY_RELEASE,
    notWith: `another gateways.bill_at in the receiver's configuration than these objects are for, nor ${ONE_WAY}`,
    sections: egressGateway,
  },
  'ambient-waypoint': {
    purpose: 'Wildcard hosts of ambient workloads, which leave through a waypoint.',
    since: {
      minor: 30,
      reason:
        'before, a waypoint has no chain for wildcard TLS hosts, or does not look at the server name (measured on 1.29.0)',
    },
    notWith: ONE_WAY,
    sections: ambientWaypoint,
  },
  'dynamic-dns': {
    purpose: 'Wildcard hosts that the sidecar itself resolves: the bytes go where the name points.',
    since: {
      minor: 30,
      reason:
        'before, a sidecar gets the chain but not its cluster, and traffic breaks (measured on 1.29.0)',
    },
    notWith: `a ServiceEntry with resolution NONE for the same hosts, nor ${ONE_WAY}`,
    sections: (request) => [
      {
        comment: [
          'The names you pay for. The sidecar looks the server name up and connects there, whatever address the app dialled.',
        ],
        object: wildcardServiceEntry(request, request.hosts, 'DYNAMIC_DNS'),
      },
      telemetry(request, WILDCARD_HOSTS),
      flush(request),
    ],
  },
}

/** Applied again to a namespace that exists, it changes nothing of it. */
export function hostNamespace({ namespace }: MeshRequest): Section {
  return {
    comment: ['Where the hosts are declared; it needs no pods.'],
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  }
}

function wildcards(request: MeshRequest, more: readonly string[] = []): Section {
  return {
    comment: [
      'The names you pay for. Envoy gets a filter chain for each that matches on the server name of the TLS handshake (SNI), and sends the bytes on to the address the app dialled.',
      ...more,
    ],
    object: wildcardServiceEntry(request, request.hosts.filter(isWildcard), 'NONE'),
  }
}

/** The mesh-wide access log; what it replaces is told, because Istio tells nobody. */
function telemetry(
  request: MeshRequest,
  expression: string,
  more: readonly string[] = [],
): Section {
  const { rootNamespace, provider } = request
  return {
    comment: [
      'Adds the access log to every outbound chain of every sidecar; the expression decides what is sent.',
      `Merge it into your mesh-wide Telemetry if you have one (kubectl get telemetry -n ${rootNamespace}): of two without a selector the older one wins. A Telemetry in a namespace that names another access log provider replaces this one there. If pods print access logs today, list that provider too, as one more entry: "- providers: [{name: envoy}]".`,
      ...more,
    ],
    object: meshTelemetry(rootNamespace, [{ mode: 'CLIENT', provider, expression }]),
  }
}

function flush(request: MeshRequest): Section {
  return {
    comment: [
      'Without this a connection is reported only when it closes. It sets one number on the tcp_proxy of every listener on the port, the passthrough chain included, and appends nothing.',
      'Look for an older EnvoyFilter with access_log_flush_interval directly under TcpProxy: Envoy refuses a listener that has both.',
    ],
    object: sidecarFlush(request),
  }
}

function allInOne(request: MeshRequest): Section {
  return {
    comment: [
      "Access log and flush in one patch. A namespace's own Telemetry does not replace it.",
      'A namespace with a Sidecar resource must import the receiver: see above.',
    ],
    object: accessLogFilter(request, WILDCARD_HOSTS),
  }
}

function exactHosts(request: MeshRequest): Section[] {
  const { hosts, ports, rootNamespace, provider } = request
  const exact = hosts.filter((host) => !isWildcard(host))
  const [port = 443] = ports
  const clusters = (number: number) =>
    toClusters(exact.map((host) => `outbound|${number}||${host}`))
  return [
    ...(exact.length < hosts.length ? [wildcards(request)] : []),
    ...exact.flatMap((host): Section[] => [
      {
        comment: [
          `Port 80 is HTTP for the app and TLS on the way out; port ${port} stays the app's.`,
        ],
        object: exactServiceEntry(request, host, port),
      },
      {
        comment: ['TLS from the sidecar: server name and certificate are those of the host.'],
        object: originateTls(request, host),
      },
    ]),
    {
      comment: [
        "Two providers, because both land on every chain: connections of the app's own TLS by cluster, so that a virtual address (which hides the server name) loses nothing; requests by cluster, named by their authority.",
      ],
      object: meshTelemetry(rootNamespace, [
        { mode: 'CLIENT', provider, expression: `(${WILDCARD_HOSTS}) || ${clusters(port)}` },
        {
          mode: 'CLIENT',
          provider: httpProviderName(request),
          expression: `has(request.host) && (${clusters(80)})`,
        },
      ]),
    },
    flush(request),
  ]
}

function egressGateway(request: MeshRequest): Section[] {
  const { hosts } = request
  return [
    ...hosts.map((host) => ({
      comment: [
        'All names under the star are reached at the name behind it, as object stores allow; change endpoints if yours are not. On a gateway resolution NONE has no endpoints, and DYNAMIC_DNS dials port 80 (both measured).',
      ],
      object: gatewayServiceEntry(request, host),
    })),
    {
      comment: ["The gateway passes the app's TLS on by its server name."],
      object: passthroughGateway(request),
    },
    {
      comment: ['Sidecars to the gateway, the gateway to the hosts.'],
      object: gatewayRoutes(request),
    },
    telemetry(request, underWildcards(hosts), [
      "Filtered by server name: a sidecar's cluster is the gateway's here, so the usual test for a wildcard cluster is never true.",
    ]),
    gatewayLog(request),
    flush(request),
  ]
}

/** The same bytes pass the gateway once more: it is silent, or the one that is billed. */
function gatewayLog(request: MeshRequest): Section {
  const { gateway, provider, billAt } = request
  if (billAt === 'gateway') {
    return {
      comment: [
        "The gateway logs too, by the same Telemetry, and is billed (gateways.bill_at: gateway); the sidecars' entries are hops. This is its flush, on the port of its pods.",
      ],
      object: gatewayFlush(request),
    }
  }
  return {
    comment: [
      'Keeps the gateway out: the same bytes pass there once more (gateways.bill_at: sidecar).',
    ],
    object: silentGateway(gateway.namespace, gateway.selector, provider),
  }
}

function ambientWaypoint(request: MeshRequest): Section[] {
  const { namespace, waypoint, provider } = request
  return [
    {
      comment: ['The waypoint itself. Leave it out if you have one of this name.'],
      object: waypointGateway(namespace, waypoint),
    },
    {
      comment: [
        'The names you pay for. ztunnel sends connections to them through the waypoint, which resolves the server name.',
        'istiod needs ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS=true; without it the waypoint has no chain for them (measured).',
      ],
      object: wildcardServiceEntry(request, request.hosts, 'DYNAMIC_DNS', {
        'istio.io/use-waypoint': waypoint,
      }),
    },
    {
      comment: [
        'A waypoint logs as SERVER, and only targetRefs reaches it. The source of a connection comes from the filter state, which the provider lists.',
      ],
      object: waypointTelemetry(namespace, waypoint, {
        mode: 'SERVER',
        provider,
        expression: WILDCARD_HOSTS,
      }),
    },
    {
      comment: ['Without this a connection is reported only when it closes.'],
      object: waypointFlush(request),
    },
  ]
}
