import type { RouteHandlerMethod } from 'fastify'
import type { RouteDependencies } from './routes.ts'

/** `live`: the process answers. `ready`: 200 when Envoys should send here, else 503; the body says why. */
export function healthRoutes({ health }: Pick<RouteDependencies, 'health'>): {
  readonly live: RouteHandlerMethod
  readonly ready: RouteHandlerMethod
} {
  return {
    live: (_request, reply) => reply.type('text/plain').send('ok\n'),
    ready: (_request, reply) =>
      reply
        .status(health.ready ? 200 : 503)
        .type('text/plain')
        .send(`${health.reason}\n`),
  }
}
