import {
  type EnvoyIdentity,
  envoyConfig,
  loopbackCluster,
  socketAddress,
} from '../../src/demo/envoy-config.ts'
import { type EnvoyProcess, startBootstrap } from '../../src/demo/envoy-process.ts'

/** How a sidecar tunnels TCP through a proxy: the HTTP version and the method. */
export interface Tunnel {
  readonly http: 1 | 2
  readonly method: 'CONNECT' | 'POST'
}

export const TUNNELS: readonly Tunnel[] = [
  { http: 1, method: 'CONNECT' },
  { http: 1, method: 'POST' },
  { http: 2, method: 'CONNECT' },
  { http: 2, method: 'POST' },
]

export interface TunnelOptions {
  readonly identity: EnvoyIdentity
  /** The receiver, on 127.0.0.1. */
  readonly alsPort: number
  /** The TCP server behind the proxy, on 127.0.0.1. */
  readonly serverPort: number
  readonly flushIntervalMs: number
}

const TYPE = 'type.googleapis.com/envoy'
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const PROXY_LISTENER = 'proxy'

/** Name of the sidecar's listener whose connections go through this tunnel. */
export const tunnelListener = ({ http, method }: Tunnel): string => `${method} over HTTP/${http}`

/**
 * A proxy that ends CONNECT and POST tunnels, and the port it listens on: what stands between a mesh
 * and the internet where a DestinationRule has `trafficPolicy.tunnel`.
 */
export async function startTunnelProxy(
  binary: string,
  serverPort: number,
): Promise<{ envoy: EnvoyProcess; port: number }> {
  const envoy = await startBootstrap(binary, {
    admin: { address: socketAddress(0) },
    static_resources: {
      listeners: [
        {
          name: PROXY_LISTENER,
          address: socketAddress(0),
          filter_chains: [{ filters: [tunnelEnd()] }],
        },
      ],
      clusters: [loopbackCluster('server', serverPort)],
    },
  })
  return { envoy, port: envoy.portOf(PROXY_LISTENER) }
}

/** A sidecar with a listener for each of `TUNNELS`, all through the proxy at `proxyPort`. */
export function startTunnellingSidecar(
  binary: string,
  proxyPort: number,
  options: TunnelOptions,
): Promise<EnvoyProcess> {
  const config = envoyConfig({
    ...options,
    hosts: [{ host: '*.example.com', port: proxyPort }],
    passthroughPort: options.serverPort,
  }) as Bootstrap
  const { static_resources: resources } = config
  const [outbound] = resources.listeners
  if (outbound === undefined) throw new Error('the sidecar has no outbound listener')
  return startBootstrap(binary, {
    ...config,
    static_resources: {
      listeners: TUNNELS.map((tunnel) => tunnelling(outbound, tunnel)),
      clusters: [...resources.clusters, proxyCluster(1, proxyPort), proxyCluster(2, proxyPort)],
    },
  })
}

interface Bootstrap {
  readonly static_resources: {
    readonly listeners: readonly object[]
    readonly clusters: readonly object[]
  }
}

/** The listener with the tunnel in every tcp_proxy, as Istio writes `trafficPolicy.tunnel`. */
function tunnelling(listener: object, tunnel: Tunnel): object {
  const copy = JSON.parse(JSON.stringify(listener), (key, value: unknown) =>
    key === 'typed_config' && String((value as Typed)['@type']).endsWith('.TcpProxy')
      ? {
          ...(value as object),
          cluster: clusterName(tunnel.http),
          tunneling_config: {
            hostname: 'bucket.example.com:443',
            use_post: tunnel.method === 'POST',
          },
        }
      : value,
  ) as object
  return { ...copy, name: tunnelListener(tunnel) }
}

interface Typed {
  readonly '@type'?: unknown
}

const clusterName = (http: number): string => `outbound|3128||proxy-h${http}.egress.svc`

function proxyCluster(http: 1 | 2, port: number): object {
  const protocol = http === 1 ? { http_protocol_options: {} } : { http2_protocol_options: {} }
  return {
    ...loopbackCluster(clusterName(http), port),
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: {
        '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: protocol,
      },
    },
  }
}

/** Ends CONNECT and POST tunnels of either HTTP version. */
function tunnelEnd(): object {
  const upgrade = (connect: object) => ({
    cluster: 'server',
    upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: connect }],
  })
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'proxy',
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'CONNECT' }],
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              { match: { connect_matcher: {} }, route: upgrade({}) },
              { match: { prefix: '/' }, route: upgrade({ allow_post: true }) },
            ],
          },
        ],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
        },
      ],
    },
  }
}
