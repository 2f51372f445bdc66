import type { RouteHandlerMethod } from 'fastify'
import type { QueryRequest } from '../query/query-request.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import { callerOf, PAGE_PARAMETERS, pageOf, sendJson } from './rows-answer.ts'

const PARAMETERS = ['state', ...PAGE_PARAMETERS, 'sni', 'workload', 'namespace'] as const
const STATES = ['open', 'closed', 'orphaned'] as const

/** Connections of the file as the view `connections` shows them, those that spoke last first. */
export function connectionsRoute({ query }: Pick<RouteDependencies, 'query'>): RouteHandlerMethod {
  return async (request, reply) => {
    const parameters = new Parameters(request.query, PARAMETERS)
    const asked: QueryRequest = {
      kind: 'connections',
      query: {
        ...pageOf(parameters),
        state: parameters.choice('state', STATES),
        sni: parameters.text('sni'),
        workload: parameters.text('workload'),
        namespace: parameters.text('namespace'),
      },
    }
    return sendJson(reply, await query(asked, callerOf(request, reply)))
  }
}
