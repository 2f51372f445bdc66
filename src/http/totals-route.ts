import type { RouteHandlerMethod } from 'fastify'
import type { QueryRequest } from '../query/query-request.ts'
import { parseTime } from '../query/time-range.ts'
import { GROUP_COLUMNS } from '../query/totals.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import { callerOf, PAGE_PARAMETERS, pageOf, sendJson } from './rows-answer.ts'

const PARAMETERS = [
  'by',
  'order',
  ...PAGE_PARAMETERS,
  'sni',
  'workload',
  'namespace',
  'since',
  'until',
] as const
const ORDERS = ['total', 'upload', 'download', 'connections', 'name'] as const

/**
 * Totals by `by` (columns with commas, `sni` if not given), largest first, names from a to z. Without
 * `since` and `until` lifetime totals. A page of them, with the totals of all.
 */
export function totalsRoute({
  query,
  wallMs,
}: Pick<RouteDependencies, 'query' | 'wallMs'>): RouteHandlerMethod {
  return async (request, reply) => {
    const parameters = new Parameters(request.query, PARAMETERS)
    const order = parameters.choice('order', ORDERS) ?? 'total'
    const nowMs = wallMs()
    const moment = (name: 'since' | 'until'): number | undefined =>
      parameters.moment(name, (text) => parseTime(text, nowMs))
    const asked: QueryRequest = {
      kind: 'totals',
      query: {
        by: parameters.choices('by', GROUP_COLUMNS) ?? ['sni'],
        order,
        descending: order !== 'name',
        ...pageOf(parameters),
        sni: parameters.text('sni'),
        workload: parameters.text('workload'),
        namespace: parameters.text('namespace'),
        sinceMs: moment('since'),
        untilMs: moment('until'),
      },
    }
    return sendJson(reply, await query(asked, callerOf(request, reply)))
  }
}
