import type { RouteHandlerMethod } from 'fastify'
import type { NodeReport } from '../model/node-report.ts'
import type { PageAsText } from '../query/page.ts'
import { QueryTurns } from '../query/query-turns.ts'
import { Largest } from '../runtime/largest.ts'
import { forEachInSlices } from '../runtime/slices.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import { callerOf, PAGE_PARAMETERS, pageOf, sendJson } from './rows-answer.ts'

/** Columns of the answer, in their order. */
const COLUMNS = {
  node: ({ node }) => node.id,
  pod: ({ node }) => node.pod,
  proxy_type: ({ node }) => node.proxyType,
  envoy_version: ({ node }) => node.envoyVersion,
  cluster: ({ node }) => node.workload.cluster,
  namespace: ({ node }) => node.workload.namespace,
  workload_kind: ({ node }) => node.workload.kind,
  workload: ({ node }) => node.workload.name,
  entries: ({ entries }) => entries,
  periodic_entries: ({ periodic }) => periodic,
  ends: ({ ends }) => ends,
  long_ends: ({ longEnds }) => longEnds,
  untyped_ends: ({ untypedEnds }) => untypedEnds,
  ends_again: ({ endedAgain }) => endedAgain,
  without_id: ({ withoutId }) => withoutId,
  connections: ({ connections }) => connections,
  unnamed: ({ unnamed }) => unnamed,
  lag_ms: ({ lagMs }) => (lagMs === undefined ? '' : Math.round(lagMs)),
} as const satisfies Readonly<Record<string, (report: NodeReport) => string | number>>

/** Columns of the answer that are counts of each proxy, and have totals. */
const COUNTS = [
  'entries',
  'periodic_entries',
  'ends',
  'long_ends',
  'untyped_ends',
  'ends_again',
  'without_id',
  'connections',
  'unnamed',
] as const satisfies readonly (keyof typeof COLUMNS)[]

/** Rows that are written at a time. */
const PAGE_ROWS = 100
/** Requests of this kind are answered one after the other, ms that one may wait. */
const WAIT_MS = 30_000

/** How each proxy reported lately, what `doctor live` judges; those that said most first. */
export function nodesRoute({ nodes }: Pick<RouteDependencies, 'nodes'>): RouteHandlerMethod {
  const turns = new QueryTurns({ atOnce: 1, waitMs: WAIT_MS })
  return async (request, reply) => {
    const page = pageOf(new Parameters(request.query, PAGE_PARAMETERS))
    const { client, signal, read } = callerOf(request, reply)
    const turn = await turns.take(client, signal)
    void read?.finally(turn.finished)
    try {
      return sendJson(reply, await rowsOf(nodes(), page))
    } finally {
      turn.answered()
    }
  }
}

/** A page as every answer has it, of many nodes: nothing of it may hold up the thread. */
async function rowsOf(
  reports: Iterable<NodeReport>,
  { limit, offset }: ReturnType<typeof pageOf>,
): Promise<Buffer> {
  // Those before the page are the largest as well.
  const most = new Largest<NodeReport>(
    limit + offset,
    ({ entries }) => entries,
    ({ node }) => node.id,
  )
  const totals = new Map(COUNTS.map((column) => [column, 0]))
  let totalRows = 0
  await forEachInSlices(reports, (report) => {
    totalRows++
    for (const column of COUNTS) {
      totals.set(column, (totals.get(column) ?? 0) + COLUMNS[column](report))
    }
    return most.add(report)
  })
  const ascending: string[] = []
  const cells = Object.values(COLUMNS)
  let rest = Math.max(0, Math.min(totalRows, limit + offset) - offset)
  await forEachInSlices(most.drain(), (report) => {
    if (rest-- > 0) ascending.push(JSON.stringify(cells.map((cell) => String(cell(report)))))
  })
  const end = offset + ascending.length
  const answer: Omit<PageAsText, 'columns' | 'rows'> = {
    total_rows: totalRows,
    truncated: end < totalRows,
    next_offset: end < totalRows ? end : null,
    totals: Object.fromEntries([...totals].map(([column, total]) => [column, String(total)])),
  }
  const parts = [Buffer.from(`{"columns":${JSON.stringify(Object.keys(COLUMNS))},"rows":[`)]
  await forEachInSlices(pages(ascending.toReversed()), (page) => parts.push(Buffer.from(page)) > 0)
  return Buffer.concat([...parts, Buffer.from(`],${JSON.stringify(answer).slice(1)}`)])
}

/** Rows with commas between them, some hundred at a time. */
function* pages(rows: readonly string[]): Generator<string> {
  for (let at = 0; at < rows.length; at += PAGE_ROWS) {
    const page = rows.slice(at, at + PAGE_ROWS).join(',')
    yield at === 0 ? page : `,${page}`
  }
}
