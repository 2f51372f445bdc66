import type { RouteHandlerMethod } from 'fastify'
import type { RouteDependencies } from './routes.ts'

/** What the process says of itself. Counts beyond 2^53 are texts: JSON numbers are doubles. */
export function statusRoute({ status }: Pick<RouteDependencies, 'status'>): RouteHandlerMethod {
  return (_request, reply) =>
    reply
      .type('application/json')
      .send(
        JSON.stringify(status(), (_key, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value,
        ),
      )
}
