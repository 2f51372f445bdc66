import fastify, { type FastifyInstance } from 'fastify'
import type { QueryRequest } from '../query/query-service.ts'
import type { Component } from '../runtime/component.ts'
import { formatAddress, type ListenAddress, parseListenAddress } from '../runtime/listen-address.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Health } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/registry.ts'
import { addRoutes } from './routes.ts'

export interface HttpDependencies {
  readonly health: Health
  readonly metrics: Metrics
  readonly logger: Logger
  /** What `/api/v1/status` says. */
  status(): Record<string, unknown>
  /** Answers a question to the file. */
  query(request: QueryRequest): Promise<{
    readonly columns: readonly string[]
    readonly rows: readonly (readonly (string | bigint)[])[]
  }>
}

/** Nothing of ours takes a body, or long URLs. */
const BODY_LIMIT = 1024

/** Errors that a client can mend, by code; everything else is ours. */
const STATUS_OF: Readonly<Record<string, number>> = {
  bad_request: 400,
  too_many_queries: 503,
  query_timeout: 504,
}

/** Health, metrics and the API that `top` reads, over HTTP. */
export class HttpServer implements Component {
  readonly #listen: string
  readonly #deps: HttpDependencies
  #app: FastifyInstance | undefined
  #address: ListenAddress | undefined

  constructor({ listen }: { readonly listen: string }, deps: HttpDependencies) {
    this.#listen = listen
    this.#deps = deps
  }

  /** Listens. Throws `listen_failed` or `bad_listen_address`. */
  async start(): Promise<void> {
    const { host, port } = parseListenAddress(this.#listen)
    const app = fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true, logger: false })
    app.setErrorHandler((error, _request, reply) => {
      const { code, message, status } = told(error)
      if (status >= 500) this.#deps.logger.warn({ code, message }, 'a request failed')
      return reply.status(status).send({ error: { code, message } })
    })
    app.setNotFoundHandler((request, reply) =>
      reply.status(404).send({
        error: {
          code: 'not_found',
          message: `nothing is served at ${request.url.slice(0, 200)}`,
        },
      }),
    )
    addRoutes(app, this.#deps)
    this.#app = app
    try {
      await app.listen({ host, port })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ServiceError(
        'listen_failed',
        `cannot listen on ${formatAddress({ host, port })} for HTTP: ${reason}`,
        { cause: error },
      )
    }
    const bound = app.server.address()
    this.#address = { host, port: typeof bound === 'object' && bound !== null ? bound.port : port }
  }

  /** Where it listens; the port is the real one. Throws before `start`. */
  address(): ListenAddress {
    if (this.#address === undefined) throw new ServiceError('not_started', 'not listening yet')
    return this.#address
  }

  async stop(): Promise<void> {
    const app = this.#app
    this.#app = undefined
    await app?.close()
  }
}

function told(error: unknown): { code: string; message: string; status: number } {
  if (error instanceof ServiceError) {
    return { code: error.code, message: error.message, status: STATUS_OF[error.code] ?? 500 }
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string }
  // Fastify's own refusals (a bad URL, a body too large) are the client's; a bug's words stay here.
  return statusCode !== undefined && statusCode < 500
    ? { code: 'bad_request', message: String(message), status: statusCode }
    : { code: 'internal', message: 'internal error', status: 500 }
}
