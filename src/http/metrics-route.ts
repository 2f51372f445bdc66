import type { RouteHandlerMethod } from 'fastify'
import type { RouteDependencies } from './routes.ts'

/** All metrics, in Prometheus' text format. */
export function metricsRoute({ metrics }: Pick<RouteDependencies, 'metrics'>): RouteHandlerMethod {
  return async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text())
}
