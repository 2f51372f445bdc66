import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type QueryRequest, QueryService } from '../../src/query/query-service.ts'
import { Writer } from '../../src/store/writer.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'

const TOTALS: QueryRequest = {
  kind: 'totals',
  query: { by: ['sni'], order: 'total', descending: true },
}
const OPEN: QueryRequest = { kind: 'connections', query: { state: 'open', limit: 10 } }

/** A file that a writer keeps open, like a server does. */
function openFile(t: TestContext): { path: string; add: (upload: number) => void } {
  const path = join(temporaryFolder(t), 'file.db')
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
  })
  writer.open(NOON)
  t.after(() => writer.close())
  let sequence = 0
  return {
    path,
    add: (upload) =>
      void writer.apply(
        makeBatch({
          sequence: ++sequence,
          usage: [{ sni: 'a.example', upload }],
          connections: [{ id: 1, sni: 'a.example', lastArrivalMs: NOON + sequence }],
        }),
      ),
  }
}

function service(t: TestContext, path: string, timeoutMs?: number): QueryService {
  const queries = new QueryService(timeoutMs === undefined ? { path } : { path, timeoutMs })
  t.after(() => queries.stop())
  return queries
}

test('answers see what was committed before they were asked for, while the file is written', async (t) => {
  const file = openFile(t)
  const queries = service(t, file.path)
  await queries.start()
  file.add(100)
  assert.deepEqual((await queries.run(TOTALS)).rows, [['a.example', 100n, 0n, 0n]])
  file.add(2 ** 40)
  const [totals, connections] = await Promise.all([queries.run(TOTALS), queries.run(OPEN)])
  assert.deepEqual(totals.rows, [['a.example', 1_099_511_627_876n, 0n, 0n]])
  assert.equal(connections.rows.length, 1)
  assert.equal(connections.columns[0], 'connection_id')
})

test('a file that is not there is an error with a code, and the next question is answered', async (t) => {
  const folder = temporaryFolder(t)
  await assert.rejects(service(t, join(folder, 'none.db')).run(TOTALS), { code: 'no_file' })
  const file = openFile(t)
  file.add(1)
  assert.equal((await service(t, file.path).run(TOTALS)).rows.length, 1)
})

test('more questions than may wait are refused at once, the others are answered', async (t) => {
  const file = openFile(t)
  file.add(1)
  const queries = service(t, file.path)
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => queries.run(TOTALS)))
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 14)
  for (const outcome of refused) {
    assert.equal((outcome as PromiseRejectedResult).reason.code, 'too_many_queries')
  }
  assert.equal((await queries.run(TOTALS)).rows.length, 1)
})

test('a question that takes too long is given up, and the next one gets a new thread', async (t) => {
  const file = openFile(t)
  file.add(1)
  // Starting a thread takes longer than a millisecond.
  const hasty = service(t, file.path, 1)
  await assert.rejects(hasty.run(TOTALS), {
    code: 'query_timeout',
    message: 'no answer within 0.001 s',
  })
  await assert.rejects(hasty.run(TOTALS), { code: 'query_timeout' })
})

test('stop is safe twice and without start, and ends what is under way', async (t) => {
  const file = openFile(t)
  const queries = service(t, file.path)
  await queries.stop()
  const asked = queries.run(TOTALS)
  // The thread is made in a microtask.
  await Promise.resolve()
  await Promise.resolve()
  await Promise.all([
    queries.stop(),
    asked.then(
      () => undefined,
      ({ code }: { code: string }) => assert.equal(code, 'query_failed'),
    ),
  ])
  await queries.stop()
})
