import type { RouteHandlerMethod } from 'fastify'
import type { QueryRequest } from '../query/query-request.ts'
import { GROUP_COLUMNS } from '../query/totals.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import {
  callerOf,
  FILTER_PARAMETERS,
  filterOf,
  PAGE_PARAMETERS,
  pageOf,
  sendJson,
  timesOf,
} from './rows-answer.ts'

const PARAMETERS = [
  'by',
  'order',
  ...PAGE_PARAMETERS,
  ...FILTER_PARAMETERS,
  'since',
  'until',
  'tz',
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
    const { zone, moment } = timesOf(parameters, wallMs())
    const asked: QueryRequest = {
      kind: 'totals',
      query: {
        by: parameters.choices('by', GROUP_COLUMNS) ?? ['sni'],
        order,
        descending: order !== 'name',
        ...pageOf(parameters),
        ...filterOf(parameters),
        zone,
        sinceMs: moment('since'),
        untilMs: moment('until'),
      },
    }
    return sendJson(reply, await query(asked, callerOf(request, reply)))
  }
}
