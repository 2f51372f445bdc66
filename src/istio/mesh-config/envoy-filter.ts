import type { MeshObject } from './mesh-object.ts'
import { fqdnOf, type MeshRequest } from './request.ts'
import { waypointRef } from './waypoint.ts'

/**
 * The one place where a patch is written. The filter's name is always there: without it pilot panics
 * while it merges and drops every patch of the proxy (measured). No chain and no server name: the port
 * alone finds IPv6 and virtual-address listeners too (measured).
 */
function tcpProxyPatch(context: string, listener: object, settings: object): object {
  return {
    applyTo: 'NETWORK_FILTER',
    match: {
      context,
      listener: {
        ...listener,
        filterChain: { filter: { name: 'envoy.filters.network.tcp_proxy' } },
      },
    },
    patch: {
      operation: 'MERGE',
      value: {
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
          ...settings,
        },
      },
    },
  }
}

/** Protobuf's JSON has durations in seconds only. */
const flushOptions = (flushMs: number): object => ({
  access_log_options: { access_log_flush_interval: `${flushMs / 1000}s` },
})

function envoyFilter(name: string, namespace: string, spec: object): MeshObject {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace },
    spec: { ...spec },
  }
}

/** Every sidecar reports its open connections on these ports: one scalar each, nothing appended. */
export function sidecarFlush({ rootNamespace, ports, flushMs }: MeshRequest): MeshObject {
  return envoyFilter('snimeter-flush', rootNamespace, {
    configPatches: ports.map((portNumber) =>
      tcpProxyPatch('SIDECAR_OUTBOUND', { portNumber }, flushOptions(flushMs)),
    ),
  })
}

/** The same for the egress gateway: its listener is on the port of its pods, not of its Service. */
export function gatewayFlush({ gateway, flushMs }: MeshRequest): MeshObject {
  return envoyFilter('snimeter-flush-gateway', gateway.namespace, {
    workloadSelector: { labels: { istio: gateway.selector } },
    configPatches: [
      tcpProxyPatch('GATEWAY', { portNumber: gateway.podPort }, flushOptions(flushMs)),
    ],
  })
}

/** The same for a waypoint, which only `targetRefs` reaches, on its one listener. */
export function waypointFlush({ namespace, waypoint, flushMs }: MeshRequest): MeshObject {
  return envoyFilter('snimeter-flush-waypoint', namespace, {
    targetRefs: [waypointRef(waypoint)],
    configPatches: [
      tcpProxyPatch('SIDECAR_INBOUND', { name: 'main_internal' }, flushOptions(flushMs)),
    ],
  })
}

/** Flush and access log in one patch, without MeshConfig and Telemetry. */
export function accessLogFilter(request: MeshRequest, expression: string): MeshObject {
  const { rootNamespace, ports, flushMs } = request
  const settings = { ...flushOptions(flushMs), access_log: [tcpAccessLog(request, expression)] }
  return envoyFilter('snimeter', rootNamespace, {
    configPatches: ports.map((portNumber) =>
      tcpProxyPatch('SIDECAR_OUTBOUND', { portNumber }, settings),
    ),
  })
}

function tcpAccessLog({ receiver }: MeshRequest, expression: string): object {
  const authority = fqdnOf(receiver)
  return {
    name: 'envoy.access_loggers.tcp_grpc',
    filter: {
      extension_filter: {
        name: 'envoy.access_loggers.extension_filters.cel',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
          expression,
        },
      },
    },
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
      common_config: {
        log_name: 'snimeter',
        transport_api_version: 'V3',
        buffer_flush_interval: '1s',
        grpc_stream_retry_policy: { num_retries: 3 },
        filter_state_objects_to_log: ['downstream_peer', 'upstream_peer'],
        grpc_service: {
          envoy_grpc: { cluster_name: `outbound|${receiver.port}||${authority}`, authority },
        },
      },
    },
  }
}
