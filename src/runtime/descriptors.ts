import { readFileSync } from 'node:fs'

/** Assumed where the system does not say. */
const USUAL_LIMIT = 1024
/** Kept back: the database and its log, sinks, recordings, query processes, certificates, probes of /proc. */
const LEAST_RESERVE = 64
const MOST_RESERVE = 512
/** The HTTP port gets this part of what is left, and never more than this: probes, Prometheus, a few people. */
const HTTP_PART = 0.2
const MOST_HTTP = 256

/** How many file descriptors of the process may be what. */
export interface DescriptorShares {
  /** Soft limit of the process (Node raises it to the hard one at its start). */
  readonly limit: number
  readonly reserve: number
  /** Most connections on the port for access logs. */
  readonly als: number
  /** Most connections on the port for HTTP. */
  readonly http: number
}

/** Shares out the descriptors, so that connections can never use up those of the file and the sinks. */
export function descriptorShares(limit = openFileLimit()): DescriptorShares {
  const reserve = Math.min(MOST_RESERVE, Math.max(LEAST_RESERVE, Math.floor(limit / 4)))
  const rest = Math.max(2, limit - reserve)
  const http = Math.max(1, Math.min(MOST_HTTP, Math.floor(rest * HTTP_PART)))
  return { limit, reserve, als: rest - http, http }
}

/** The soft limit of open files, as /proc tells it. */
export function openFileLimit(limits = readLimits()): number {
  const soft = /^Max open files\s+(\d+|unlimited)\s/m.exec(limits)?.[1]
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER
  return soft === undefined ? USUAL_LIMIT : Number(soft)
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
