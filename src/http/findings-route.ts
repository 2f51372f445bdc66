import type { RouteHandlerMethod } from 'fastify'
import type { RouteDependencies } from './routes.ts'
import { sendJson } from './rows-answer.ts'

/**
 * What is wrong with how the mesh reports: what `doctor live` prints. Those who ask while it is looked for get
 * the same answer, which is written once.
 */
export function findingsRoute({
  findings,
}: Pick<RouteDependencies, 'findings'>): RouteHandlerMethod {
  let written: { readonly of: object; readonly json: Buffer } | undefined
  return async (_request, reply) => {
    const found = await findings()
    if (written?.of !== found) {
      const { sinceMs, nodes, findings: all, truncated, settlingUntilMs } = found
      const since = momentText(sinceMs)
      const settlingUntil = momentText(settlingUntilMs)
      const answer = { since, nodes, findings: all, truncated, settling_until: settlingUntil }
      const json = Buffer.from(JSON.stringify(answer))
      written = { of: found, json }
    }
    return sendJson(reply, written.json)
  }
}

function momentText(ms: number): string {
  return ms === 0 ? '' : new Date(ms).toISOString()
}
