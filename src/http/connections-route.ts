import type { RouteHandlerMethod } from 'fastify'
import { CONNECTION_ORDERS } from '../query/connections.ts'
import type { QueryRequest } from '../query/query-request.ts'
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
  'state',
  'order',
  ...PAGE_PARAMETERS,
  ...FILTER_PARAMETERS,
  'since',
  'tz',
] as const
const STATES = ['open', 'closed', 'orphaned'] as const

/** Connections of the file as the view `connections` shows them, those that sent last first. */
export function connectionsRoute({
  query,
  wallMs,
}: Pick<RouteDependencies, 'query' | 'wallMs'>): RouteHandlerMethod {
  return async (request, reply) => {
    const parameters = new Parameters(request.query, PARAMETERS)
    const { zone, moment } = timesOf(parameters, wallMs())
    const asked: QueryRequest = {
      kind: 'connections',
      query: {
        ...pageOf(parameters),
        state: parameters.choice('state', STATES),
        ...filterOf(parameters),
        order: parameters.choice('order', CONNECTION_ORDERS),
        sinceMs: moment('since'),
        zone,
      },
    }
    return sendJson(reply, await query(asked, callerOf(request, reply)))
  }
}
