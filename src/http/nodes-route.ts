import type { RouteHandlerMethod } from 'fastify'
import type { NodeReport } from '../model/node-report.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import { DEFAULT_ROWS, MAX_ROWS, sendRows } from './rows-answer.ts'

/** Columns of the answer, in their order. */
const COLUMNS: Readonly<Record<string, (report: NodeReport) => string | number>> = {
  node: ({ node }) => node.id,
  pod: ({ node }) => node.pod,
  proxy_type: ({ node }) => node.proxyType,
  envoy_version: ({ node }) => node.envoyVersion,
  cluster: ({ node }) => node.workload.cluster,
  namespace: ({ node }) => node.workload.namespace,
  workload_kind: ({ node }) => node.workload.kind,
  workload: ({ node }) => node.workload.name,
  entries: ({ entries }) => entries,
  periodic_entries: ({ periodic }) => periodic,
  ends: ({ ends }) => ends,
  long_ends: ({ longEnds }) => longEnds,
  untyped_ends: ({ untypedEnds }) => untypedEnds,
  ends_again: ({ endedAgain }) => endedAgain,
  without_id: ({ withoutId }) => withoutId,
  connections: ({ connections }) => connections,
  unnamed: ({ unnamed }) => unnamed,
  lag_ms: ({ lagMs }) => (lagMs === undefined ? '' : Math.round(lagMs)),
}

/** How each proxy reported lately, what `doctor live` judges; those that said most first. */
export function nodesRoute({ nodes }: Pick<RouteDependencies, 'nodes'>): RouteHandlerMethod {
  return (request, reply) => {
    const limit = new Parameters(request.query, ['limit']).count('limit', MAX_ROWS) ?? DEFAULT_ROWS
    const reports = nodes()
      .toSorted((a, b) => b.entries - a.entries)
      .slice(0, limit)
    const cells = Object.values(COLUMNS)
    return sendRows(reply, {
      columns: Object.keys(COLUMNS),
      rows: reports.map((report) => cells.map((cell) => String(cell(report)))),
    })
  }
}
