import type { RouteHandlerMethod } from 'fastify'
import type { NodeReport } from '../model/node-report.ts'
import { QueryTurns } from '../query/query-turns.ts'
import { Largest } from '../runtime/largest.ts'
import { forEachInSlices } from '../runtime/slices.ts'
import { Parameters } from './parameters.ts'
import type { RouteDependencies } from './routes.ts'
import { callerOf, DEFAULT_ROWS, MAX_ROWS, sendJson } from './rows-answer.ts'

/** Columns of the answer, in their order. */
const COLUMNS: Readonly<Record<string, (report: NodeReport) => string | number>> = {
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
}

/** Rows that are written at a time. */
const PAGE_ROWS = 100
/** Requests of this kind are answered one after the other, ms that one may wait. */
const WAIT_MS = 30_000

/** How each proxy reported lately, what `doctor live` judges; those that said most first. */
export function nodesRoute({ nodes }: Pick<RouteDependencies, 'nodes'>): RouteHandlerMethod {
  const turns = new QueryTurns({ atOnce: 1, waitMs: WAIT_MS })
  return async (request, reply) => {
    const limit = new Parameters(request.query, ['limit']).count('limit', MAX_ROWS) ?? DEFAULT_ROWS
    const { client, signal, read } = callerOf(request, reply)
    const turn = await turns.take(client, signal)
    void read?.finally(turn.finished)
    try {
      return sendJson(reply, await rowsOf(nodes(), limit))
    } finally {
      turn.answered()
    }
  }
}

/** Rows as every answer has them, of many nodes: nothing of it may hold up the thread. */
async function rowsOf(reports: Iterable<NodeReport>, limit: number): Promise<Buffer> {
  const most = new Largest<NodeReport>(limit, ({ entries }) => entries)
  await forEachInSlices(reports, (report) => most.add(report))
  const ascending: string[] = []
  const cells = Object.values(COLUMNS)
  await forEachInSlices(most.drain(), (report) => {
    ascending.push(JSON.stringify(cells.map((cell) => String(cell(report)))))
  })
  const parts = [Buffer.from(`{"columns":${JSON.stringify(Object.keys(COLUMNS))},"rows":[`)]
  await forEachInSlices(pages(ascending.toReversed()), (page) => parts.push(Buffer.from(page)) > 0)
  return Buffer.concat([...parts, Buffer.from(']}')])
}

/** Rows with commas between them, some hundred at a time. */
function* pages(rows: readonly string[]): Generator<string> {
  for (let at = 0; at < rows.length; at += PAGE_ROWS) {
    const page = rows.slice(at, at + PAGE_ROWS).join(',')
    yield at === 0 ? page : `,${page}`
  }
}
