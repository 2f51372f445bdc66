import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { childProcesses, isRunning } from '../helpers/child-processes.ts'
import { databaseIn, type ServeProcess, startServe } from '../helpers/serve.ts'
import { makeConnectionsEndless, makeSlowFile } from '../helpers/slow-query.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

/** A server whose file answers no question for connections, ever. */
async function startSlow(
  t: TestContext,
  timeout: string,
): Promise<{ serve: ServeProcess; db: string }> {
  const db = databaseIn(temporaryFolder(t))
  makeSlowFile(db)
  const serve = await startServe(t, { db, env: { SNIMETER_HTTP_QUERY_TIMEOUT: timeout } })
  makeConnectionsEndless(db)
  return { serve, db }
}

interface Asked {
  readonly status: Promise<number>
  readonly leave: () => void
}

/** A request that comes from one of the addresses of this machine. */
function ask({ httpUrl }: ServeProcess, from: string, path: string): Asked {
  const { promise, resolve } = Promise.withResolvers<number>()
  const sent = request(`${httpUrl}/api/v1/${path}`, { localAddress: from, agent: false })
  sent.on('response', (response) => {
    response.resume().on('end', () => resolve(response.statusCode ?? 0))
  })
  sent.on('error', () => resolve(0))
  sent.end()
  return { status: promise, leave: () => sent.destroy() }
}

const queryProcesses = ({ child }: ServeProcess): number[] => childProcesses(child.pid ?? 0)

test('a query that takes too long ends, with its memory and its hold on the log', async (t) => {
  const { serve, db } = await startSlow(t, '5s')
  const asked = ['127.0.0.2', '127.0.0.3'].map((from) => ask(serve, from, 'connections'))
  const pids = await until('both run', () => {
    const pids = queryProcesses(serve)
    return pids.length === 2 && pids
  })
  const writer = new Database(db, { timeout: 100 })
  t.after(() => writer.close())
  const isBusy = (): boolean => {
    writer.exec('UPDATE workload SET name = name')
    const [row] = writer.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    return row?.busy !== 0
  }
  await until('they hold the log', isBusy)
  assert.deepEqual(await Promise.all(asked.map(({ status }) => status)), [504, 504])
  const from = performance.now()
  await until('both processes have ended', () => !pids.some(isRunning))
  // Sooner than one ends that has nothing to do.
  assert.ok(performance.now() - from < 20_000)
  await until('the write-ahead log is copied back whole', () => !isBusy())
  assert.equal(await ask(serve, '127.0.0.2', 'totals').status, 200)
})

test('many queries of one client leave the others their turn, and end when it leaves', async (t) => {
  const { serve } = await startSlow(t, '10m')
  const flood = Array.from({ length: 40 }, () => ask(serve, '127.0.0.2', 'connections'))
  await until('one runs', () => queryProcesses(serve).length > 0)
  for (let i = 0; i < 5; i++) {
    assert.equal(await ask(serve, '127.0.0.3', 'totals').status, 200)
  }
  // One runs and sixteen wait (two of the last for the other client's share).
  assert.equal(queryProcesses(serve).length, 2)
  for (const { leave } of flood) leave()
  assert.equal(await ask(serve, '127.0.0.2', 'totals').status, 200)
})

test('a query that never ends does not keep the server from stopping', async (t) => {
  const { serve } = await startSlow(t, '10m')
  const asked = ask(serve, '127.0.0.2', 'connections')
  const [pid] = await until('it runs', () => {
    const pids = queryProcesses(serve)
    return pids.length > 0 && pids
  })
  const from = performance.now()
  assert.equal(await serve.terminate(), 0)
  assert.ok(performance.now() - from < 15_000)
  assert.ok(!isRunning(pid ?? 0))
  assert.ok([0, 503].includes(await asked.status))
})

test('a query does not outlive a server that is killed', async (t) => {
  const { serve } = await startSlow(t, '10m')
  const asked = ask(serve, '127.0.0.2', 'connections')
  const [pid] = await until('it runs', () => {
    const pids = queryProcesses(serve)
    return pids.length > 0 && pids
  })
  await serve.kill()
  await until('its process has ended', () => !isRunning(pid ?? 0))
  assert.equal(await asked.status, 0)
})
