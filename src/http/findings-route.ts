import type { RouteHandlerMethod } from 'fastify'
import type { RouteDependencies } from './routes.ts'

/** What is wrong with how the mesh reports: what `doctor live` prints. */
export function findingsRoute({
  findings,
}: Pick<RouteDependencies, 'findings'>): RouteHandlerMethod {
  return async (_request, reply) => {
    const { sinceMs, nodes, findings: found } = await findings()
    const since = sinceMs === 0 ? '' : new Date(sinceMs).toISOString()
    return reply.send({ since, nodes, findings: found })
  }
}
