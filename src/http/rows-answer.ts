import type { FastifyReply, FastifyRequest } from 'fastify'
import type { QueryCaller } from '../query/query-service.ts'
import { addressKey } from '../runtime/address-key.ts'

/** Rows asked for without a limit, and the most in one answer: more would fill memory and help nobody. */
export const DEFAULT_ROWS = 100
export const MAX_ROWS = 10_000

/**
 * Rows, `{"columns":[…],"rows":[[text,…],…]}`, or other JSON that is text already; counts are texts,
 * because JSON numbers are doubles.
 */
export function sendJson(reply: FastifyReply, json: string | Buffer): FastifyReply {
  return reply.type('application/json').send(json)
}

/** Who asks, and whether they still wait. */
export function callerOf(request: FastifyRequest, reply: FastifyReply): QueryCaller {
  const gone = new AbortController()
  const { promise: read, resolve } = Promise.withResolvers<void>()
  const closed = (): void => {
    if (!reply.raw.writableFinished) gone.abort()
    resolve()
  }
  if (reply.raw.closed || request.socket.destroyed) closed()
  else reply.raw.once('close', closed)
  return { client: addressKey(request.socket.remoteAddress ?? ''), signal: gone.signal, read }
}
