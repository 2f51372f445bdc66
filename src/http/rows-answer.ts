import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FilterRequest } from '../query/filter.ts'
import type { QueryCaller } from '../query/query-service.ts'
import { parseTime } from '../query/time-range.ts'
import { addressKey } from '../runtime/address-key.ts'
import { Zone } from '../runtime/zone.ts'
import type { Parameters } from './parameters.ts'

/** Rows asked for without a limit, and the most in one answer: more would fill memory and help nobody. */
const DEFAULT_ROWS = 100
const MAX_ROWS = 10_000
/** Rows that can be skipped: more than any file has. */
const MAX_OFFSET = 999_999_999

/** Parameters of every list of rows. */
export const PAGE_PARAMETERS = ['limit', 'offset'] as const

/** Which rows a request asks for. */
export function pageOf(parameters: Parameters): {
  readonly limit: number
  readonly offset: number
} {
  return {
    limit: parameters.count('limit', MAX_ROWS) ?? DEFAULT_ROWS,
    offset: parameters.count('offset', MAX_OFFSET, 0) ?? 0,
  }
}

/** Parameters that choose rows by names. */
export const FILTER_PARAMETERS = ['sni', 'not_sni', 'workload', 'namespace'] as const

export function filterOf(parameters: Parameters): FilterRequest {
  return {
    sni: parameters.text('sni'),
    notSni: parameters.text('not_sni'),
    workload: parameters.text('workload'),
    namespace: parameters.text('namespace'),
  }
}

/** The moments of a request, in its time zone (`tz`, UTC if not given). */
export function timesOf(parameters: Parameters, nowMs: number) {
  const zone = parameters.parsed('tz', (name) => Zone.of(name))
  return {
    zone: zone?.name,
    moment: (name: string): number | undefined =>
      parameters.parsed(name, (text) => parseTime(text, nowMs, zone)),
  }
}

/** Rows (a `PageAsText`) or other JSON that is text already. */
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
