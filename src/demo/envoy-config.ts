/**
 * The bootstrap of an Envoy that logs like an Istio sidecar. The listener, its chains, the clusters'
 * names and the log are what Istio 1.29 to 1.32 generates for wildcard ServiceEntries of protocol
 * TLS, with three differences: it is bound to a port of its own instead of being reached by
 * iptables, clusters are STATIC instead of ORIGINAL_DST, and the log has no CEL filter, so that
 * connections without SNI are seen too.
 */

/** The workload that an Envoy stands beside. */
export interface EnvoyIdentity {
  readonly cluster: string
  readonly namespace: string
  readonly workload: string
  /** The owner's kind: `Deployment`, `StatefulSet`, `Job`, … */
  readonly kind: string
  readonly pod: string
  readonly ip: string
}

/** A host of the mesh's ServiceEntries and the local port that stands for the internet behind it. */
export interface EnvoyHost {
  /** Exact, or a wildcard like `*.oss-cn-shanghai.aliyuncs.com`. */
  readonly host: string
  readonly port: number
}

export interface EnvoyConfigOptions {
  readonly identity: EnvoyIdentity
  /** The receiver, on 127.0.0.1. */
  readonly alsPort: number
  /** Hosts with an SNI chain in the outbound 443 listener. */
  readonly hosts: readonly EnvoyHost[]
  /** Hosts with a virtual IP: a listener each, without tls_inspector, so without an SNI. */
  readonly vips?: readonly EnvoyHost[]
  /** What matches no chain goes to this port by PassthroughCluster. */
  readonly passthroughPort: number
  /** `access_log_flush_interval`. */
  readonly flushIntervalMs: number
  /** Entries when a connection begins and connects, too (the former exists since 1.38). */
  readonly logConnected?: boolean
  /** The log on the listener as well: every connection arrives twice. */
  readonly logListener?: boolean
}

export const OUTBOUND_LISTENER = '0.0.0.0_443'
/** What must never surface anywhere: part of the annotations that Istio puts into node metadata. */
export const ANNOTATION_SECRET = 'hunter2-never-show-this'

const ALS_CLUSTER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'
const TYPE = 'type.googleapis.com/envoy'

/** Name of the listener of a host with a virtual IP. */
export function vipListener(host: string): string {
  return `240.240.0.1_443 ${host}`
}

/** The bootstrap as a JSON value. Every port of its own is 0: the system chooses. */
export function envoyConfig(options: EnvoyConfigOptions): object {
  const { hosts, vips = [], passthroughPort } = options
  return {
    node: node(options.identity),
    admin: { address: socketAddress(0) },
    static_resources: {
      listeners: [outboundListener(options), ...vips.map(({ host }) => vip(host, options))],
      clusters: [
        alsCluster(options.alsPort),
        loopbackCluster('PassthroughCluster', passthroughPort),
        ...[...hosts, ...vips].map(({ host, port }) => loopbackCluster(outbound(host), port)),
      ],
    },
  }
}

function node({ cluster, namespace, workload, kind, pod, ip }: EnvoyIdentity): object {
  return {
    id: `sidecar~${ip}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${workload}.${namespace}`,
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      WORKLOAD_NAME: workload,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${workload}`,
      CLUSTER_ID: cluster,
      MESH_ID: 'cluster.local',
      SERVICE_ACCOUNT: workload,
      INSTANCE_IPS: ip,
      LABELS: { app: workload, 'service.istio.io/canonical-name': workload },
      ANNOTATIONS: { 'example.com/token': ANNOTATION_SECRET },
    },
    locality: { region: 'cn-shanghai', zone: 'cn-shanghai-b' },
  }
}

function outboundListener(options: EnvoyConfigOptions): object {
  return {
    name: OUTBOUND_LISTENER,
    traffic_direction: 'OUTBOUND',
    address: socketAddress(0),
    continue_on_listener_filters_timeout: true,
    // Without an end, a client that says nothing would hold its socket for ever.
    listener_filters_timeout: '5s',
    listener_filters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typed_config: {
          '@type': `${TYPE}.extensions.filters.listener.tls_inspector.v3.TlsInspector`,
        },
      },
    ],
    filter_chains: options.hosts.map(({ host }) => ({
      filter_chain_match: { server_names: [host] },
      filters: [tcpProxy(outbound(host), options)],
    })),
    default_filter_chain: {
      name: 'PassthroughFilterChain',
      filters: [tcpProxy('PassthroughCluster', options)],
    },
    ...(options.logListener === true ? { access_log: [accessLog()] } : {}),
  }
}

function vip(host: string, options: EnvoyConfigOptions): object {
  return {
    name: vipListener(host),
    traffic_direction: 'OUTBOUND',
    address: socketAddress(0),
    filter_chains: [{ filters: [tcpProxy(outbound(host), options)] }],
  }
}

function tcpProxy(clusterName: string, options: EnvoyConfigOptions): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: clusterName,
      cluster: clusterName,
      access_log: [accessLog()],
      access_log_options: {
        access_log_flush_interval: `${options.flushIntervalMs / 1000}s`,
        ...(options.logConnected === true ? { flush_access_log_on_connected: true } : {}),
      },
    },
  }
}

function accessLog(): object {
  return {
    name: 'envoy.tcp_grpc_access_log',
    typed_config: {
      '@type': `${TYPE}.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`,
      common_config: {
        log_name: 'snimeter',
        transport_api_version: 'V3',
        grpc_service: {
          envoy_grpc: {
            cluster_name: ALS_CLUSTER,
            authority: 'snimeter.snimeter.svc.cluster.local',
          },
        },
        filter_state_objects_to_log: ['upstream_peer', 'downstream_peer'],
      },
    },
  }
}

function alsCluster(port: number): object {
  return {
    ...loopbackCluster(ALS_CLUSTER, port),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }
}

/** An Envoy cluster of one endpoint on 127.0.0.1. */
export function loopbackCluster(name: string, port: number): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  }
}

/** Istio's name of the cluster of a host. */
function outbound(host: string): string {
  return `outbound|443||${host}`
}

/** An Envoy address on 127.0.0.1. */
export function socketAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
