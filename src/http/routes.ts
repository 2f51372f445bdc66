import type { FastifyInstance } from 'fastify'
import { connectionsQuery, totalsQuery } from './query-parameters.ts'
import type { HttpDependencies } from './server.ts'

/** The whole URL space. Byte counts are decimal texts in JSON: they can pass 2^53. */
export function addRoutes(app: FastifyInstance, deps: HttpDependencies): void {
  const { health, metrics } = deps

  // The process runs.
  app.get('/livez', () => ({ status: 'ok' }))

  // It takes entries; 503 with the reason if not.
  for (const path of ['/readyz', '/healthz']) {
    app.get(path, (_request, reply) =>
      reply
        .status(health.ready ? 200 : 503)
        .send({ status: health.ready ? 'ok' : 'unready', reason: health.reason }),
    )
  }

  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )

  app.get('/api/v1/status', () => deps.status())

  app.get('/api/v1/totals', async (request) =>
    asJson(await deps.query({ kind: 'totals', query: totalsQuery(request.query) })),
  )

  app.get('/api/v1/connections', async (request) =>
    asJson(await deps.query({ kind: 'connections', query: connectionsQuery(request.query) })),
  )
}

function asJson(answer: Awaited<ReturnType<HttpDependencies['query']>>): {
  columns: readonly string[]
  rows: string[][]
} {
  return {
    columns: answer.columns,
    rows: answer.rows.map((row) => row.map((cell) => String(cell))),
  }
}
