import { type Fields, fieldsOf, listOf, numberOf, protoAt, textOf, textsOf } from '../untyped.ts'

/** A gRPC access log of one chain. */
export interface ChainLog {
  /** `tcp` writes connections, `http` requests. */
  readonly protocol: 'tcp' | 'http'
  readonly cluster: string
  readonly logName: string
  /** Undefined: no expression; everything is logged that `isPartial` does not keep out. */
  readonly expression: string | undefined
  /** Limited by something that is no expression, like Istio's listener log (flag NR). */
  readonly isPartial: boolean
}

/** A filter chain with a tcp_proxy, as far as it matters to billing. */
export interface Chain {
  readonly listener: string
  readonly port: number
  readonly isOutbound: boolean
  readonly hasTlsInspector: boolean
  /** Its name, else its server names, else `default` or `any`. */
  readonly name: string
  readonly serverNames: readonly string[]
  /** '' where a route decides: an HTTP chain. */
  readonly cluster: string
  readonly logs: readonly ChainLog[]
  readonly flush: string | undefined
  readonly deprecatedFlush: string | undefined
}

const LOGS: Readonly<Record<string, ChainLog['protocol']>> = {
  'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig': 'tcp',
  'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig': 'http',
}
const TCP_PROXY = 'tcp_proxy.v3.TcpProxy'
const HTTP_MANAGER = 'http_connection_manager.v3.HttpConnectionManager'

/** Every chain of every listener, TCP and HTTP. */
export const readChains = (listeners: readonly Fields[]): Chain[] => listeners.flatMap(chainsOf)

function chainsOf(listener: Fields): Chain[] {
  const port = numberOf(protoAt(listener, 'address', 'socket_address', 'port_value')) ?? 0
  const chains = listOf(protoAt(listener, 'filter_chains')).map(fieldsOf)
  const byDefault = protoAt(listener, 'default_filter_chain')
  const all = byDefault === undefined ? chains : [...chains, fieldsOf(byDefault)]
  const listenerFilters = listOf(protoAt(listener, 'listener_filters')).map(fieldsOf)
  return all.flatMap((chain): Chain[] => {
    const filter = listOf(chain['filters'])
      .map((one) => fieldsOf(protoAt(one, 'typed_config')))
      .find(({ '@type': type }) =>
        [TCP_PROXY, HTTP_MANAGER].some((name) => String(type).endsWith(name)),
      )
    if (filter === undefined) return []
    const serverNames = textsOf(protoAt(chain, 'filter_chain_match', 'server_names'))
    const unnamed = chain === all.at(-1) && byDefault !== undefined ? 'default' : 'any'
    return [
      {
        listener: textOf(listener['name']) ?? String(port),
        port,
        // Direction is what pilot says; a waypoint's listener is inbound, and egress all the same.
        isOutbound:
          protoAt(listener, 'traffic_direction') !== 'INBOUND' ||
          listener['name'] === 'main_internal',
        hasTlsInspector: listenerFilters.some(({ name }) =>
          String(name).endsWith('listener.tls_inspector'),
        ),
        name: textOf(chain['name']) || serverNames.join(', ') || unnamed,
        serverNames,
        cluster: textOf(filter['cluster']) ?? '',
        logs: listOf(protoAt(filter, 'access_log')).flatMap(readLog),
        flush: textOf(protoAt(filter, 'access_log_options', 'access_log_flush_interval')),
        deprecatedFlush: textOf(protoAt(filter, 'access_log_flush_interval')),
      },
    ]
  })
}

function readLog(log: unknown): ChainLog[] {
  const config = fieldsOf(protoAt(log, 'typed_config'))
  const protocol = LOGS[textOf(config['@type']) ?? '']
  if (protocol === undefined) return []
  const common = fieldsOf(protoAt(config, 'common_config'))
  const filter = protoAt(log, 'filter')
  const expression = textOf(protoAt(filter, 'extension_filter', 'typed_config', 'expression'))
  return [
    {
      protocol,
      cluster: textOf(protoAt(common, 'grpc_service', 'envoy_grpc', 'cluster_name')) ?? '',
      logName: textOf(protoAt(common, 'log_name')) ?? '',
      expression,
      isPartial: filter !== undefined && expression === undefined,
    },
  ]
}
