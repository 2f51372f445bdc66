import { gatewayRoutes, passthroughGateway } from './egress-gateway.ts'
import { gatewayFlush } from './envoy-filter.ts'
import { underWildcards } from './expression.ts'
import type { Section } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'
import { flush, telemetry } from './sections.ts'
import { gatewayServiceEntry } from './service-entry.ts'
import { silentGateway } from './telemetry.ts'

/** Wildcard hosts through an egress gateway, billed where the receiver bills. */
export function throughGateway(request: MeshRequest): Section[] {
  const { hosts, provider } = request
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
    telemetry(
      request,
      [{ mode: 'CLIENT', provider, expression: underWildcards(hosts) }],
      [
        "Filtered by server name: a sidecar's cluster is the gateway's here, so the usual test for a wildcard cluster is never true.",
      ],
    ),
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
