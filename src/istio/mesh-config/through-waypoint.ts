import { waypointFlush } from './envoy-filter.ts'
import { WILDCARD_HOSTS } from './expression.ts'
import type { Section } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'
import { wildcardServiceEntry } from './service-entry.ts'
import { waypointTelemetry } from './telemetry.ts'
import { waypointGateway } from './waypoint.ts'

/** Wildcard hosts of ambient workloads, which a waypoint resolves and reports. */
export function throughWaypoint(request: MeshRequest): Section[] {
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
