import { closeSync, openSync } from 'node:fs'
import { QueryService } from '../../src/query/query-service.ts'

/** Run with a low `ulimit -n` on a file: prints the code of a query without descriptors, then rows of one with. */
const queries = new QueryService({ path: process.argv[2] ?? '' })
const request = {
  kind: 'totals',
  query: { by: ['sni'], order: 'total', descending: true },
} as const

const taken: number[] = []
const take = (): void => {
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'))
    } catch {
      return
    }
  }
}

const outcome = (): Promise<string> =>
  queries.run(request).then(
    ({ rows }) => `${rows.length} rows`,
    ({ code }: { code: string }) => code,
  )

const outcomes: string[] = []
for (const left of [0, 1, 2, 3]) {
  take()
  for (let i = 0; i < left; i++) closeSync(taken.pop() ?? 0)
  outcomes.push(await outcome())
}
while (taken.length > 0) closeSync(taken.pop() ?? 0)
outcomes.push(await outcome())
process.stdout.write(outcomes.join(', '))
await queries.stop()
