import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlsSender, sidecar } from '../helpers/als-sender.ts'
import { EntryType, identifierField, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const OPEN = tcpEntry({
  streamId: '7a3f4b52-0000-4000-8000-000000000001',
  type: EntryType.tcpPeriodic,
  sni: 'a.example',
  startMs: Date.now() - 5000,
  upload: 10,
  download: 20,
})

test('what a restart and a crash lose is said: view, metric and finding', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const old = { ...sidecar('shop', 'cart'), envoy: [1, 38, 3] as const }

  const first = await startServe(t, { db })
  assert.deepEqual(select(db, 'SELECT * FROM receiver_gaps'), [], 'a new file has none')
  for (const node of [old, sidecar('shop', 'pay')]) {
    const sender = new AlsSender(first.alsAddress)
    await sender.send(tcpMessage([OPEN], identifierField(node)))
    await sender.end()
  }
  await until('both nodes are in the file', () => {
    return select(db, 'SELECT DISTINCT node FROM coverage').length === 2
  })
  assert.equal(await first.terminate(), 0)

  const second = await startServe(t, { db })
  await until('the gap is in the file', () => {
    return select(db, 'SELECT * FROM receiver_gaps').length === 1
  })
  const [stopped] = select(db, 'SELECT * FROM receiver_gaps')
  assert.equal(stopped?.['reason'], 'stopped')
  assert.equal(stopped?.['nodes_before'], 2n)
  assert.equal(stopped?.['lossy_nodes_before'], 1n)
  assert.equal(stopped?.['open_connections'], 1n)
  assert.deepEqual([...(await metric(second, 'snimeter_receiver_gap_lossy_nodes')).values()], [1])
  const seconds = [...(await metric(second, 'snimeter_receiver_gap_seconds'))]
  assert.deepEqual(
    seconds.map(([labels]) => labels),
    ['{reason="stopped"}'],
  )
  // The view has whole seconds.
  assert.ok(Math.abs((seconds[0]?.[1] ?? 0) - Number(stopped?.['seconds'])) < 1)
  assert.ok((seconds[0]?.[1] ?? 0) > 0)
  const answer = await fetch(`${second.httpUrl}/api/v1/findings`)
  const { findings } = (await answer.json()) as { findings: { code: string; wrong: string }[] }
  const gap = findings.find(({ code }) => code === 'receiver-gap')
  assert.match(gap?.wrong ?? '', /^it was stopped .*: 1 of 2 proxies never report/)

  await second.kill()
  const third = await startServe(t, { db })
  await until('the crash is in the file', () => {
    return select(db, "SELECT * FROM receiver_gaps WHERE reason = 'crashed'").length === 1
  })
  assert.equal(await third.terminate(), 0)
})
