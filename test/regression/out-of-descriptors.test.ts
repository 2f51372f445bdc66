import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { PlainConnections } from '../helpers/plain-connections.ts'
import { databaseIn, metric, metricSum, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, totalsByName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const OPEN_FILES = 1024
const FLOOD = 1100

const end = (n: number, upload: number): Buffer =>
  tcpEntry({
    streamId: `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`,
    type: EntryType.tcpConnectionEnd,
    sni: 'neighbour.example',
    startMs: Date.now() - 1000,
    upload,
  })

// process.memoryUsage() in a timer threw EMFILE: the process was gone, with what was not committed.
test('more connections than file descriptors on both ports: none of a neighbour is lost', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db, openFiles: OPEN_FILES })
  const neighbour = new AlsSender(serve.alsAddress)
  const identifier = sidecarIdentifier('shop', 'neighbour')
  assert.ok(await neighbour.send(tcpMessage([end(1, 100)], identifier)))

  const flood = new PlainConnections()
  t.after(() => flood.end())
  // From the neighbour's own address: what says nothing gives way.
  await flood.open(serve.alsPort, FLOOD)
  await flood.open(Number(new URL(serve.httpUrl).port), FLOOD)
  await until('what has no room is closed', () => flood.closed > FLOOD)
  assert.ok(await neighbour.send(tcpMessage([end(2, 20)])))

  // Metrics, timers and newcomers work while it lasts.
  await until('the neighbour is received', async () => {
    return (await metricSum(serve, 'snimeter_entries_received_total')) === 2
  })
  const newcomer = new AlsSender(serve.alsAddress)
  assert.ok(await newcomer.send(tcpMessage([end(3, 3)], sidecarIdentifier('shop', 'newcomer'))))
  assert.equal(await newcomer.end(), 0)
  const refused = await metric(serve, 'snimeter_connections_refused_total')
  const limits = await metric(serve, 'snimeter_connections_limit')
  for (const port of ['als', 'http']) {
    const limit = limits.get(`{port="${port}"}`) ?? 0
    assert.ok(limit < OPEN_FILES)
    // Of the HTTP port the oldest that do nothing leave; of the other the newest are not taken.
    const counts = ['share', 'evicted'].map(
      (reason) => refused.get(`{port="${port}",reason="${reason}"}`) ?? 0,
    )
    assert.ok(counts.reduce((sum, count) => sum + count, 0) >= FLOOD - limit, port)
  }
  assert.equal(await metricSum(serve, 'snimeter_metrics_read_failures_total'), 0)
  assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200)

  assert.equal(await neighbour.end(), 0)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  assert.deepEqual(totalsByName(db)['neighbour.example'], {
    upload: 123n,
    download: 0n,
    connections: 3n,
  })
  assert.equal(integrity(db), 'ok')
})

test('without any descriptor left timers, metrics and commits go on', (t) => {
  const db = databaseIn(temporaryFolder(t))
  const script = fileURLToPath(new URL('../helpers/app-without-descriptors.ts', import.meta.url))
  const command = ['-c', 'ulimit -n 128 && exec "$@"', 'sh', process.execPath, script, db]
  const { stdout, stderr } = spawnSync('sh', command, { encoding: 'utf8', timeout: 60_000 })
  assert.deepEqual(
    JSON.parse(stdout || 'null'),
    { committed: true, shedding: 1, failedReads: 0, taken: true },
    stderr,
  )
  assert.equal(totalsByName(db)['neighbour.example']?.upload, 110n)
})
