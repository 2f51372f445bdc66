import { type FastifyInstance, fastify } from 'fastify'
import type { NodeReport } from '../model/node-report.ts'
import type { QueryRequest } from '../query/query-request.ts'
import type { QueryCaller } from '../query/query-service.ts'
import type { Component } from '../runtime/component.ts'
import type { ConnectionGate } from '../runtime/connection-gate.ts'
import { formatAddress, type ListenAddress, parseListenAddress } from '../runtime/listen-address.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Health } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/registry.ts'
import { SampledLogger } from '../telemetry/sampled-logger.ts'
import { AllowedHosts } from './allowed-hosts.ts'
import { answerErrors, malformedRequest, malformedUrl } from './errors.ts'
import { guardIdle } from './idle-connections.ts'
import { addRoutes, PROBES } from './routes.ts'

export interface HttpConfig {
  /** `host:port`, `[ipv6]:port` or `:port`; port 0 takes any free one. */
  readonly listen: string
  /** Names that requests may have in their Host header, beside those that are always allowed. */
  readonly allowedHosts: readonly string[]
}

export interface HttpDependencies {
  readonly health: Health
  readonly metrics: Metrics
  readonly logger: Logger
  /** What `/api/v1/status` says; bigint becomes text. */
  readonly status: () => Readonly<Record<string, unknown>>
  /** Answers questions to the file, as JSON; rejects with a ServiceError. */
  readonly query: (request: QueryRequest, caller: QueryCaller) => Promise<string | Buffer>
  /** How each proxy reported lately. */
  readonly nodes: () => Iterable<NodeReport>
  /** What is wrong with how the mesh reports; rejects with a ServiceError. */
  readonly findings: () => Promise<MeshFindings>
  /** Wall clock, unix ms: what `since=-1h` is relative to. */
  readonly wallMs?: () => number
}

/** Findings as they are sent, and what they were made of. */
interface MeshFindings {
  /** Unix ms; 0 = nothing was seen yet. */
  readonly sinceMs: number
  readonly nodes: number
  readonly findings: readonly object[]
  /** Whether there are more than these, which are the worst. */
  readonly truncated: boolean
  /** Until then after a start nothing is said of silence, unix ms; 0 = it is. */
  readonly settlingUntilMs: number
}

/** Nothing here takes a body. */
const MAX_BODY_BYTES = 1024
const MAX_HEADER_BYTES = 16 * 1024
/** The header of a request that has not arrived by then, and a whole request, are given up, ms. */
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10_000
/** How often that is looked at, ms. */
const CHECK_MS = 1000
/** A connection without a request is kept for so long: Prometheus comes every 15 to 60 s, ms. */
const KEEP_ALIVE_MS = 65_000
/** An answer that was not read whole by then is given up, ms. */
const READ_TIMEOUT_MS = 30_000
/** Health, metrics and the API over HTTP. Reads only; nothing that is asked here changes anything. */
export class HttpServer implements Component {
  readonly #config: HttpConfig
  readonly #server: FastifyInstance
  #address: ListenAddress | undefined

  /** `connections`: bounds the connections of the port. */
  constructor(config: HttpConfig, deps: HttpDependencies, connections?: ConnectionGate) {
    this.#config = config
    this.#server = fastify({
      bodyLimit: MAX_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      http: {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      // At stop: kept-alive connections without a request would hold it up for ever.
      forceCloseConnections: true,
      clientErrorHandler: malformedRequest,
      frameworkErrors: malformedUrl,
    })
    if (connections !== undefined) guardIdle(this.#server.server, connections)
    this.#server.addHook('onSend', async (request, reply) => {
      reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
      const timer = setTimeout(() => request.socket.destroy(), READ_TIMEOUT_MS)
      reply.raw.once('close', () => clearTimeout(timer))
    })
    const hosts = new AllowedHosts(config.allowedHosts)
    this.#server.addHook('onRequest', async ({ url, headers }) => {
      if (!hosts.allows(headers.host) && !PROBES.has(url.split('?', 1)[0] ?? ''))
        throw hostRefused(headers.host ?? '')
    })
    answerErrors(
      this.#server,
      new SampledLogger(deps.logger, { monotonicMs: () => performance.now() }),
    )
    addRoutes(this.#server, { wallMs: () => Date.now(), ...deps })
  }

  /** Listens. Throws `listen_failed` or `bad_listen_address`. */
  async start(): Promise<void> {
    const { host, port } = parseListenAddress(this.#config.listen)
    try {
      await this.#server.listen({ host, port })
    } catch (error) {
      throw new ServiceError(
        'listen_failed',
        `cannot listen on ${formatAddress({ host, port })} for HTTP (${(error as Error).message}); is another program listening there? see http.listen`,
        { cause: error },
      )
    }
    const bound = this.#server.server.address()
    this.#address = { host, port: typeof bound === 'object' ? (bound?.port ?? port) : port }
  }

  /** Where it listens; the port is the real one. Throws before `start`. */
  address(): ListenAddress {
    if (this.#address === undefined) throw new ServiceError('not_started', 'not listening yet')
    return this.#address
  }

  /** Answers what was asked, then closes. */
  async stop(): Promise<void> {
    await this.#server.close()
  }
}

function hostRefused(host: string): ServiceError {
  return new ServiceError(
    'host_not_allowed',
    `requests for the host ${JSON.stringify(host.slice(0, 255))} are not answered, which keeps pages of other sites out; if this is a name of this server, add it to http.allowed_hosts`,
  )
}
