import { accessLogFilter } from './envoy-filter.ts'
import { exactHosts } from './exact-hosts.ts'
import { ANY_SERVER_NAME, WILDCARD_HOSTS } from './expression.ts'
import type { Section } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'
import { flush, telemetry, wildcards } from './sections.ts'
import { wildcardServiceEntry } from './service-entry.ts'
import type { AccessLogging } from './telemetry.ts'
import { throughGateway } from './through-gateway.ts'
import { throughWaypoint } from './through-waypoint.ts'
import type { VariantName } from './variant-names.ts'

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
    sections: (request) => [
      wildcards(request),
      telemetry(request, clientLog(request, WILDCARD_HOSTS)),
      flush(request),
    ],
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
      telemetry(request, clientLog(request, ANY_SERVER_NAME), [
        'Names are chosen by clients: mind the budget of names (rollup.names) before you bill by them.',
      ]),
      flush(request),
    ],
  },
  'egress-gateway': {
    purpose: 'Wildcard hosts through an egress gateway (TLS passthrough), billed once.',
    since: ANY_RELEASE,
    notWith: `another gateways.bill_at in the receiver's configuration than these objects are for, nor ${ONE_WAY}`,
    sections: throughGateway,
  },
  'ambient-waypoint': {
    purpose: 'Wildcard hosts of ambient workloads, which leave through a waypoint.',
    since: {
      minor: 30,
      reason:
        'before, a waypoint has no chain for wildcard TLS hosts, or does not look at the server name (measured on 1.29.0)',
    },
    notWith: ONE_WAY,
    sections: throughWaypoint,
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
      telemetry(request, clientLog(request, WILDCARD_HOSTS)),
      flush(request),
    ],
  },
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

const clientLog = ({ provider }: MeshRequest, expression: string): AccessLogging[] => [
  { mode: 'CLIENT', provider, expression },
]
