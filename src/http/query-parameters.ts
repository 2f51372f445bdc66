import type { ConnectionsQuery } from '../query/connections.ts'
import { parseTime } from '../query/time-range.ts'
import { GROUP_COLUMNS, type TotalsOrder, type TotalsQuery } from '../query/totals.ts'
import { ServiceError } from '../runtime/service-error.ts'

/** Rows of one answer at most; more is for SQL or the command line. */
const MAX_ROWS = 10_000
const DEFAULT_ROWS = 100
const ORDERS = ['total', 'upload', 'download', 'connections', 'name'] as const
const STATES = ['open', 'closed', 'orphaned'] as const

/** `by=workload,sni&order=total&limit=100&sni=*.x&workload=ns/name&namespace=&since=-1h&until=now`. */
export function totalsQuery(parameters: unknown, nowMs = Date.now()): TotalsQuery {
  const get = reader(parameters)
  const order: TotalsOrder = oneOf('order', get('order') ?? 'total', ORDERS)
  const columns = (get('by') ?? 'sni').split(',').filter((column) => column !== '')
  return {
    by: columns.map((column) => oneOf('by', column, GROUP_COLUMNS)),
    order,
    descending: order !== 'name',
    limit: rowLimit(get('limit')),
    sinceMs: moment('since', get('since'), nowMs),
    untilMs: moment('until', get('until'), nowMs),
    ...filters(get),
  }
}

/** `state=open&limit=100&sni=&workload=&namespace=`. */
export function connectionsQuery(parameters: unknown): ConnectionsQuery {
  const get = reader(parameters)
  const state = get('state')
  return {
    state: state === undefined ? undefined : oneOf('state', state, STATES),
    limit: rowLimit(get('limit')),
    ...filters(get),
  }
}

type Get = (name: string) => string | undefined

function reader(parameters: unknown): Get {
  const values = (parameters ?? {}) as Readonly<Record<string, unknown>>
  return (name) => {
    const value = values[name]
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string') return value
    throw new ServiceError('bad_request', `give ${name} once`)
  }
}

function filters(get: Get) {
  return { sni: get('sni'), workload: get('workload'), namespace: get('namespace') }
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === text)
  if (found !== undefined) return found
  throw new ServiceError(
    'bad_request',
    `${name}=${JSON.stringify(text.slice(0, 100))} is not known; use ${known.join(', ')}`,
  )
}

function rowLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_ROWS
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MAX_ROWS) return limit
  throw new ServiceError('bad_request', `limit must be 1 to ${MAX_ROWS}`)
}

function moment(name: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  try {
    return parseTime(text, nowMs)
  } catch (error) {
    throw new ServiceError('bad_request', `${name}: ${(error as Error).message}`)
  }
}
