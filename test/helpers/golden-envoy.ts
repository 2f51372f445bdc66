import { readFileSync } from 'node:fs'
import { type EnvoyIdentity, loopbackCluster, socketAddress } from '../../src/demo/envoy-config.ts'
import { type EnvoyProcess, startBootstrap } from '../../src/demo/envoy-process.ts'

/** A JSON object of Envoy's configuration. */
type Json = { [key: string]: unknown }

export interface GoldenOptions {
  readonly binary: string
  /** File in `test/fixtures/istio`, without its extension. */
  readonly golden: string
  readonly identity: EnvoyIdentity
  /** First part of the node's id. */
  readonly proxyType?: 'sidecar' | 'router' | 'waypoint'
  /** The receiver, on 127.0.0.1. */
  readonly alsPort: number
  /** Local ports that stand for the endpoints of clusters, by the cluster's name. */
  readonly upstreams: Readonly<Record<string, number>>
  /** Expressions of the logs' filters, by log name; others stay as they are. */
  readonly expressions?: Readonly<Record<string, string>>
}

const TYPE = 'type.googleapis.com/envoy'
const ALS_CLUSTER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/**
 * Starts a plain Envoy with listeners that Istio's generator has printed. What differs from a sidecar:
 * listeners are bound to ports of their own, clusters are STATIC under their own names, what a plain
 * Envoy lacks (`istio.*` filters, RDS) is left out or said in place, and connections flush every 300 ms.
 */
export function startGolden(options: GoldenOptions): Promise<EnvoyProcess> {
  const file = new URL(`../fixtures/istio/${options.golden}.json`, import.meta.url)
  const { listeners } = JSON.parse(readFileSync(file, 'utf8')) as { listeners: Json[] }
  return startBootstrap(options.binary, {
    node: node(options),
    admin: { address: socketAddress(0) },
    static_resources: {
      listeners: listeners.map((listener) => runnable(listener, options)),
      clusters: [
        { ...loopbackCluster(ALS_CLUSTER, options.alsPort), ...http2() },
        ...Object.entries(options.upstreams).map(([name, port]) =>
          name.startsWith('outbound|80|') ? originating(name, port) : loopbackCluster(name, port),
        ),
      ],
    },
  })
}

function runnable(listener: Json, options: GoldenOptions): Json {
  const { bind_to_port: _, ...kept } = listener
  return { ...(changed(kept, options) as Json), address: socketAddress(0) }
}

/** A copy, with what must differ changed wherever it stands. */
function changed(value: unknown, options: GoldenOptions): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isIstios(item)).map((item) => changed(item, options))
  }
  if (typeof value !== 'object' || value === null) return value
  const object = value as Json
  const made = Object.fromEntries(
    Object.entries(object).map(([key, inner]) => [key, changed(inner, options)]),
  )
  if ('access_log_flush_interval' in made) made['access_log_flush_interval'] = '0.3s'
  if ('rds' in made) {
    delete made['rds']
    made['route_config'] = routes(options.upstreams)
  }
  const expression = options.expressions?.[logName(object)]
  if (expression !== undefined) made['filter'] = celFilter(expression)
  return made
}

/** A filter that only Istio's own build of Envoy has. */
function isIstios(item: unknown): boolean {
  const name = (item as { name?: unknown } | null)?.name
  return typeof name === 'string' && name.startsWith('istio.')
}

/** The `log_name` of an access log; '' of anything else. */
function logName(log: Json): string {
  const config = log['typed_config'] as { common_config?: { log_name?: string } } | undefined
  return config?.common_config?.log_name ?? ''
}

function celFilter(expression: string): Json {
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: {
        '@type': `${TYPE}.extensions.access_loggers.filters.cel.v3.ExpressionFilter`,
        expression,
      },
    },
  }
}

/** What RDS says of port 80: each host to its own cluster. */
function routes(upstreams: GoldenOptions['upstreams']): Json {
  const clusters = Object.keys(upstreams).filter((name) => name.startsWith('outbound|80|'))
  return {
    virtual_hosts: clusters.map((name) => ({
      name: `${hostOf(name)}:80`,
      domains: [hostOf(name)],
      routes: [{ name: 'default', match: { prefix: '/' }, route: { cluster: name } }],
    })),
  }
}

/** TLS from the proxy, as DestinationRule SIMPLE has it; the certificate is the tests' own. */
function originating(name: string, port: number): Json {
  return {
    ...loopbackCluster(name, port),
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: hostOf(name),
      },
    },
  }
}

function http2(): Json {
  return {
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: {
        '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }
}

function node({ identity, proxyType = 'sidecar' }: GoldenOptions): Json {
  const { cluster: id, namespace, workload, kind, pod, ip } = identity
  return {
    id: `${proxyType}~${ip}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${workload}.${namespace}`,
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      WORKLOAD_NAME: workload,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${workload}`,
      CLUSTER_ID: id,
    },
  }
}

function hostOf(name: string): string {
  return name.split('|')[3] ?? ''
}
