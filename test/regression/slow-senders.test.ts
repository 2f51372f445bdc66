import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { BareSender, frameHeader } from '../helpers/bare-sender.ts'
import { delimitedField, EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { Neighbour } from '../helpers/neighbour.ts'
import { PlainConnections } from '../helpers/plain-connections.ts'
import { databaseIn, metric, metricSum, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { totalsByName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const TIMEOUT_MS = 1500

// Connections and streams that send nothing, or a byte now and then, stayed for ever.
test('who sends nothing is closed; who is quiet between messages, or slow, is not', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const env = { SNIMETER_ALS_MESSAGE_TIMEOUT: `${TIMEOUT_MS}ms` }
  const serve = await startServe(t, { db, env })
  const quiet = await Neighbour.open(serve)
  const slow = new BareSender({ port: serve.alsPort, address: '127.0.0.3' })
  const attackers = Array.from(
    { length: 4 },
    () => new BareSender({ port: serve.alsPort, address: '127.0.0.2' }),
  )
  const plain = new PlainConnections()
  t.after(() => {
    plain.end()
    slow.close()
    for (const attacker of attackers) attacker.close()
  })

  // Without a byte; with half of HTTP/2's preface.
  await plain.open(serve.alsPort, 20, '127.0.0.2')
  for (const socket of plain.sockets.slice(10)) socket.write('PRI * HTTP/2.0\r\n')
  // Streams without a message, with half a frame header, with half a message, with a trickle of one.
  const calls = attackers.map((attacker) => attacker.call())
  calls[1]?.write(frameHeader(100).subarray(0, 3))
  calls[2]?.write(Buffer.concat([frameHeader(100), Buffer.alloc(50)]))
  calls[3]?.write(frameHeader(10_000))
  const trickle = setInterval(() => calls[3]?.write(Buffer.alloc(1)), 100)

  // An honest backlog that takes four times the timeout, and makes progress.
  const entries = Array.from({ length: 16 }, (_, n) =>
    delimitedField(
      1,
      tcpEntry({
        streamId: `cccccccc-0000-4000-8000-${n.toString().padStart(12, '0')}`,
        type: EntryType.tcpConnectionEnd,
        sni: 'slow.example',
        startMs: Date.now() - 1000,
        upload: 1000,
      }),
      delimitedField(200, Buffer.alloc(20_000)),
    ),
  )
  const backlog = Buffer.concat([sidecarIdentifier('shop', 'slow'), delimitedField(3, ...entries)])
  const stream = slow.call()
  stream.write(frameHeader(backlog.length))
  const steps = 16
  for (let step = 0; step < steps; step++) {
    const from = Math.floor((backlog.length * step) / steps)
    stream.write(backlog.subarray(from, Math.floor((backlog.length * (step + 1)) / steps)))
    await delay((4 * TIMEOUT_MS) / steps)
  }
  await until('whoever sends nothing is closed', async () => {
    return plain.closed === 20 && (await metricSum(serve, 'snimeter_receiver_streams')) === 2
  })
  clearInterval(trickle)
  const cut = await metric(serve, 'snimeter_receiver_streams_cut_total')
  assert.equal(cut.get('{reason="silent"}'), 1)
  assert.equal(cut.get('{reason="stalled"}'), 3)
  assert.equal(await metricSum(serve, 'snimeter_receiver_silent_connections_total'), 20)

  await quiet.send()
  await quiet.end()
  stream.end()
  await until('the slow one has ended', () => stream.closed)
  const after = new AlsSender(serve.alsAddress)
  assert.ok(await after.send(tcpMessage([], sidecarIdentifier('shop', 'after'))))
  assert.equal(await after.end(), 0)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  quiet.assertExact(db)
  assert.deepEqual(totalsByName(db)['slow.example'], {
    upload: 16_000n,
    download: 0n,
    connections: 16n,
  })
})
