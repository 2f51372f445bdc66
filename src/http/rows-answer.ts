import type { FastifyReply } from 'fastify'
import type { Totals } from '../query/totals.ts'

/** Rows asked for without a limit, and the most in one answer: more would fill memory and help nobody. */
export const DEFAULT_ROWS = 100
export const MAX_ROWS = 10_000

/** `{"columns":[…],"rows":[[text,…],…]}`; counts are texts, because JSON numbers are doubles. */
export function sendRows(reply: FastifyReply, { columns, rows }: Totals): FastifyReply {
  const texts = rows.map((row) => row.map((cell) => cell?.toString() ?? ''))
  return reply.type('application/json').send(JSON.stringify({ columns, rows: texts }))
}
