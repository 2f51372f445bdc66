import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { BareSender, framed } from '../helpers/bare-sender.ts'
import { delimitedField } from '../helpers/entry-writer.ts'
import { ALL_FLOODS, floodFromProcess } from '../helpers/flood-process.ts'
import { Neighbour } from '../helpers/neighbour.ts'
import { databaseIn, metric, metricSum, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

/** The longest that a probe may take. On a quiet machine it is a tenth; it was 9 to 69 s. */
const MOST_MS = 4000
const ATTACKERS = ['127.0.0.2', '127.0.0.3']

/** Probes and honest reports beside `attack`; gives how long the slowest probe took, ms. */
async function beside(
  attack: Promise<unknown>,
  serve: ServeProcess,
  neighbour: Neighbour,
): Promise<number> {
  let slowestMs = 0
  const ended = new AbortController()
  void attack.finally(() => ended.abort())
  while (!ended.signal.aborted) {
    const beganMs = performance.now()
    const { status } = await fetch(`${serve.httpUrl}/readyz`)
    slowestMs = Math.max(slowestMs, performance.now() - beganMs)
    assert.equal(status, 200)
    await neighbour.send()
    await sleep(20)
  }
  await attack
  return slowestMs
}

for (const flood of ALL_FLOODS) {
  // One loop turn read 2 MB of each connection, whatever it costs.
  test(`a flood of ${flood} holds up neither probes nor a neighbour`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    const serve = await startServe(t, { db })
    const neighbour = await Neighbour.open(serve)
    const attack = ATTACKERS.map((address) =>
      floodFromProcess({ flood, port: serve.alsPort, address, connections: 30, seconds: 2 }),
    )
    const slowestMs = await beside(Promise.all(attack), serve, neighbour)
    t.diagnostic(`slowest probe: ${Math.round(slowestMs)} ms`)
    assert.ok(slowestMs < MOST_MS, `${slowestMs} ms`)
    assert.ok((await metricSum(serve, 'snimeter_receiver_overlong_turns_total')) > 0)
    await neighbour.end()
    assert.equal(await serve.terminate(), 0, serve.stderr)
    neighbour.assertExact(db)
  })
}

// 16 KB of gzip, eight million entries; on a stream without identifier they took more than a minute.
test('a small compressed message is handled in parts', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const neighbour = await Neighbour.open(serve)
  const entries = Buffer.alloc(15 * 2 ** 20).fill(
    delimitedField(1, delimitedField(1, Buffer.of(42, 2, 8, 1))),
  )
  const packed = framed(gzipSync(delimitedField(3, entries)), 1)
  const senders = ATTACKERS.map((address) => new BareSender({ port: serve.alsPort, address }))
  t.after(() => {
    for (const sender of senders) sender.close()
  })
  for (const sender of senders) {
    for (let i = 0; i < 4; i++) sender.call({ 'grpc-encoding': 'gzip' }).write(packed)
  }
  const read = until(
    'a message is read',
    async () => {
      const messages = await metric(serve, 'snimeter_receiver_compressed_messages_total')
      return (messages.get('{result="read"}') ?? 0) >= 2
    },
    60_000,
  )
  const slowestMs = await beside(read, serve, neighbour)
  t.diagnostic(`slowest probe: ${Math.round(slowestMs)} ms`)
  assert.ok(slowestMs < MOST_MS, `${slowestMs} ms`)
  for (const sender of senders) sender.close()
  await neighbour.end()
  assert.equal(await serve.terminate(), 0, serve.stderr)
  neighbour.assertExact(db)
})
