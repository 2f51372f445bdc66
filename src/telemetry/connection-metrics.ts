import type { Metrics } from './registry.ts'

/** What a port tells of its connections. */
interface PortConnections {
  readonly limit: number
  readonly connections: number
  readonly refused: number
  readonly evicted: number
}

/** Declares the metrics of the connections of every port, by the port's name. */
export function declareConnectionMetrics(
  metrics: Metrics,
  ports: Readonly<Record<string, PortConnections>>,
): void {
  const each = (read: (port: PortConnections) => number) => () =>
    Object.entries(ports).map(([port, state]) => ({ labels: { port }, value: read(state) }))
  metrics.gauge({
    name: 'snimeter_connections',
    help: 'Connections that are open, by port.',
    labelNames: ['port'],
    read: each(({ connections }) => connections),
  })
  metrics.gauge({
    name: 'snimeter_connections_limit',
    help: 'Connections that a port takes at a time: als.max_connections, or what the limit of open files leaves.',
    labelNames: ['port'],
    read: each(({ limit }) => limit),
  })
  metrics.counter({
    name: 'snimeter_connections_refused_total',
    help: 'Connections that were not taken, or sent HTTP requests ahead of the answers (share), or were closed for a newcomer (evicted).',
    labelNames: ['port', 'reason'],
    read: () =>
      Object.entries(ports).flatMap(([port, { refused, evicted }]) => [
        { labels: { port, reason: 'share' }, value: refused },
        { labels: { port, reason: 'evicted' }, value: evicted },
      ]),
  })
}
