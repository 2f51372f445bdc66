import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import type { QueryRequest } from '../../src/query/query-request.ts'
import { QueryService } from '../../src/query/query-service.ts'
import { Writer } from '../../src/store/writer.ts'
import { isRunning } from '../helpers/child-processes.ts'
import { ENDLESS, makeSlowFile } from '../helpers/slow-query.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { makeBatch, NOON } from '../store/batch-fixture.ts'
import { skipWithoutMounts } from '../store/mount-namespace.ts'

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

function slowFile(t: TestContext): string {
  const path = join(temporaryFolder(t), 'file.db')
  makeSlowFile(path)
  return path
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
  assert.deepEqual((await queries.run(TOTALS)).rows, [['a.example', '100', '0', '0']])
  file.add(2 ** 40)
  const [totals, connections] = await Promise.all([queries.run(TOTALS), queries.run(OPEN)])
  assert.deepEqual(totals.rows, [['a.example', '1099511627876', '0', '0']])
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
  assert.equal(refused.length, 13)
  for (const outcome of refused) {
    assert.equal((outcome as PromiseRejectedResult).reason.code, 'too_many_queries')
  }
  assert.equal((await queries.run(TOTALS)).rows.length, 1)
})

test('a query that takes too long is ended, with its process, and the next one gets another', async (t) => {
  const queries = service(t, slowFile(t), 5000)
  const slow = queries.json(ENDLESS, { client: 'a' })
  const pid = await until('a process runs', () => queries.pids[0])
  await assert.rejects(slow, { code: 'query_timeout', message: 'no answer within 5 s' })
  await until('its process has ended', () => !isRunning(pid))
  assert.equal((await queries.run(TOTALS)).rows.length, 2)
})

test('a query whose process takes too much memory is ended', async (t) => {
  const queries = new QueryService({ path: slowFile(t), maxResidentBytes: 2 ** 20 })
  t.after(() => queries.stop())
  const slow = queries.json(ENDLESS, { client: 'a' })
  const pid = await until('a process runs', () => queries.pids[0])
  await assert.rejects(slow, { code: 'query_too_large' })
  await until('its process has ended', () => !isRunning(pid))
})

test('a sort never takes the last room on the disk', { skip: skipWithoutMounts }, () => {
  const script = fileURLToPath(new URL('small-disk.ts', import.meta.url))
  const command = `mount -t tmpfs -o size=400m tmpfs /mnt && exec "${process.execPath}" "${script}" /mnt`
  const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', command], { encoding: 'utf8' })
  assert.equal(stdout, 'query_too_large, 100 rows, commits', stderr)
})

test('one client has one query at a time; another is answered meanwhile', async (t) => {
  const queries = service(t, slowFile(t))
  const gone = new AbortController()
  const slow = queries.json(ENDLESS, { client: 'a', signal: gone.signal })
  const behind = queries.json(TOTALS, { client: 'a' })
  let isAnswered = false
  void behind.then(() => {
    isAnswered = true
  })
  for (let i = 0; i < 3; i++) await queries.json(TOTALS, { client: 'b' })
  assert.equal(isAnswered, false)
  // The slow one's client leaves: the next of that client has its turn.
  gone.abort()
  await assert.rejects(slow, { code: 'query_cancelled' })
  assert.match((await behind).toString(), /a\.example/)
})

test('two queries run at a time, however many clients ask', async (t) => {
  const queries = service(t, slowFile(t))
  const clients = ['a', 'b', 'c', 'd'].map((client) => ({ client, gone: new AbortController() }))
  const slow = clients.map(({ client, gone }) =>
    queries.json(ENDLESS, { client, signal: gone.signal }),
  )
  const outcomes = Promise.allSettled(slow)
  await until('they run', () => queries.pids.length > 1)
  assert.equal(queries.pids.length, 2)
  let isAnswered = false
  const last = queries.json(TOTALS, { client: 'e' }).then(() => {
    isAnswered = true
  })
  for (const { gone } of clients.slice(0, 3)) {
    assert.equal(isAnswered, false)
    gone.abort()
    await assert.rejects(slow[clients.findIndex((one) => one.gone === gone)] ?? last, {
      code: 'query_cancelled',
    })
  }
  await last
  assert.equal(queries.pids.length, 2)
  clients.at(-1)?.gone.abort()
  await outcomes
})

test('a client that leaves while it waits frees its place', async (t) => {
  const queries = service(t, slowFile(t))
  const leavers = new AbortController()
  const slow = queries.json(ENDLESS, { client: 'a', signal: leavers.signal })
  const waiting = Array.from({ length: 16 }, () =>
    queries.json(TOTALS, { client: 'a', signal: leavers.signal }),
  )
  await assert.rejects(queries.json(TOTALS, { client: 'a' }), { code: 'too_many_queries' })
  const all = Promise.allSettled([slow, ...waiting])
  leavers.abort()
  const answer = queries.json(TOTALS, { client: 'a' })
  assert.deepEqual(
    (await all).map((one) => (one as PromiseRejectedResult).reason.code),
    Array.from({ length: 17 }, () => 'query_cancelled'),
  )
  assert.match((await answer).toString(), /a\.example/)
})

test('many clients that wait do not keep a new one from waiting', async (t) => {
  const queries = service(t, slowFile(t), 5000)
  const slow = ['a', 'b'].map((client) => queries.json(ENDLESS, { client }))
  const waiting = Array.from({ length: 40 }, () => queries.json(TOTALS, { client: 'a' }))
  const outcomes = Promise.allSettled([...slow, ...waiting])
  assert.match((await queries.json(TOTALS, { client: 'c' })).toString(), /a\.example/)
  await outcomes
})

test('an answer that its client has not read keeps the next one of that client waiting', async (t) => {
  const file = openFile(t)
  file.add(1)
  const queries = service(t, file.path)
  const read = Promise.withResolvers<void>()
  await queries.json(TOTALS, { client: 'a', read: read.promise })
  let isAnswered = false
  const next = queries.json(TOTALS, { client: 'a' }).then(() => {
    isAnswered = true
  })
  await queries.json(TOTALS, { client: 'b' })
  assert.equal(isAnswered, false)
  read.resolve()
  await next
})

test('the read of an ended query does not keep the log from being copied back', async (t) => {
  const path = slowFile(t)
  const queries = service(t, path, 1000)
  await assert.rejects(queries.run(ENDLESS), { code: 'query_timeout' })
  const writer = new Database(path)
  t.after(() => writer.close())
  writer.exec("UPDATE workload SET name = 'other'")
  await until('everything is copied back', () => {
    const [row] = writer.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    return row?.busy === 0
  })
})

test('without descriptors a query is refused, and the next one with some is answered', (t) => {
  const script = fileURLToPath(new URL('out-of-descriptors.ts', import.meta.url))
  const command = ['-c', 'ulimit -n 64 && exec "$@"', 'sh', process.execPath, script, slowFile(t)]
  const { stdout, stderr } = spawnSync('sh', command, { encoding: 'utf8', timeout: 30_000 })
  assert.match(stdout, /^query_unavailable(, \w+){3}, 2 rows$/, stderr)
})

test('a file that was replaced is read from its new place', async (t) => {
  const path = slowFile(t)
  const queries = service(t, path)
  assert.equal((await queries.run(TOTALS)).rows.length, 2)
  const other = openFile(t)
  other.add(7)
  renameSync(path, `${path}-old`)
  new Database(other.path).exec(`VACUUM INTO '${path}'`).close()
  assert.deepEqual((await queries.run(TOTALS)).rows, [['a.example', '7', '0', '0']])
})

test('stop is safe twice and without start, and ends what runs and what waits', async (t) => {
  const queries = service(t, slowFile(t))
  await service(t, 'unused').stop()
  const asked = ['a', 'b', 'b'].map((client) => queries.json(ENDLESS, { client }))
  const outcomes = Promise.allSettled(asked)
  await until('two processes run', () => queries.pids.length === 2)
  const { pids } = queries
  const from = performance.now()
  await queries.stop()
  assert.ok(performance.now() - from < 5000)
  assert.deepEqual(pids.filter(isRunning), [])
  assert.deepEqual(
    (await outcomes).map((one) => (one as PromiseRejectedResult).reason.code),
    ['query_stopped', 'query_stopped', 'query_stopped'],
  )
  await queries.stop()
  await assert.rejects(queries.run(TOTALS), { code: 'query_stopped' })
})
