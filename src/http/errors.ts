import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../runtime/service-error.ts'
import type { SampledLogger } from '../telemetry/sampled-logger.ts'

/** HTTP status of what may be told to clients; every other failure is ours (500). */
const STATUS: Readonly<Record<string, number>> = {
  bad_request: 400,
  not_found: 404,
  host_not_allowed: 421,
  too_many_queries: 503,
  no_file: 503,
  query_timeout: 504,
  query_too_large: 503,
  query_cancelled: 503,
  query_unavailable: 503,
  query_stopped: 503,
}

const body = (code: string, message: string) => ({ error: { code, message } })

/** Every error leaves as `{"error":{"code","message"}}`; stacks and unexpected messages stay here. */
export function answerErrors(server: FastifyInstance, logger: SampledLogger): void {
  server.setNotFoundHandler((request, reply) =>
    reply.status(404).send(body('not_found', `nothing at ${request.method} ${request.url}`)),
  )
  server.setErrorHandler((error: FastifyError | ServiceError, request, reply) => {
    if (error instanceof ServiceError && STATUS[error.code] !== undefined) {
      return reply.status(STATUS[error.code] ?? 500).send(body(error.code, error.message))
    }
    const status = error instanceof ServiceError ? 500 : (error.statusCode ?? 500)
    if (status < 500) return reply.status(status).send(body('bad_request', error.message))
    logger.error({ err: error, url: request.url }, 'an HTTP request failed')
    return reply.status(500).send(body('internal', 'the request failed; see the log'))
  })
}

/** A URL that cannot be decoded never reaches the routes. */
export function malformedUrl(
  error: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  void reply.status(error.statusCode ?? 400).send(body('bad_request', error.message))
}

const REFUSALS: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the request is too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
}
/** The client gets so long to read why, and to close the connection, ms. */
const LINGER_MS = 1000

/** Bytes that are no HTTP request, or one that is too large or too slow. */
export function malformedRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = REFUSALS[error.code ?? ''] ?? [
    '400 Bad Request',
    'the request is malformed',
  ]
  const text = JSON.stringify(body('bad_request', message))
  // The server would wait for the client's end for ever.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
  )
}
