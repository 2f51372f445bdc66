import type { FastifyInstance } from 'fastify'
import { connectionsRoute } from './connections-route.ts'
import { findingsRoute } from './findings-route.ts'
import { healthRoutes } from './health-routes.ts'
import { metricsRoute } from './metrics-route.ts'
import { nodesRoute } from './nodes-route.ts'
import { schemasRoute } from './schemas-route.ts'
import type { HttpDependencies } from './server.ts'
import { statusRoute } from './status-route.ts'
import { totalsRoute } from './totals-route.ts'

/** Dependencies of the routes, the clock included. */
export type RouteDependencies = Required<HttpDependencies>

/** What only says whether the process lives and takes entries: for probes that send any name. */
export const PROBES: ReadonlySet<string> = new Set(['/livez', '/healthz', '/readyz'])

/** The whole URL space. All of it is GET (and HEAD). */
export function addRoutes(server: FastifyInstance, deps: RouteDependencies): void {
  const { live, ready } = healthRoutes(deps)
  server.get('/livez', live)
  // The same as /livez: as a liveness probe, which it is often taken for, it must not kill what is only busy.
  server.get('/healthz', live)
  server.get('/readyz', ready)
  server.get('/metrics', metricsRoute(deps))
  server.get('/schemas/:file', schemasRoute())
  server.get('/api/v1/status', statusRoute(deps))
  server.get('/api/v1/totals', totalsRoute(deps))
  server.get('/api/v1/connections', connectionsRoute(deps))
  server.get('/api/v1/nodes', nodesRoute(deps))
  server.get('/api/v1/findings', findingsRoute(deps))
}
