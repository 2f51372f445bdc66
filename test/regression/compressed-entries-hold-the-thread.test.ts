import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { sidecarIdentifier } from '../helpers/als-sender.ts'
import { BareSender, framed } from '../helpers/bare-sender.ts'
import { delimitedField } from '../helpers/entry-writer.ts'
import { Neighbour } from '../helpers/neighbour.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

const STREAMS = 40
/** 16 KB of gzip, eight million empty entries: half a second of work. */
const ENTRIES = gzipSync(delimitedField(3, Buffer.alloc(15 * 2 ** 20).fill(Buffer.from([10, 0]))))

// 160 of them, 2.6 MB, held the thread for more than half a minute when their streams were cut.
test('compressed messages of streams that are cut are not all unpacked', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const neighbour = await Neighbour.open(serve)
  const attackers = ['127.0.0.2', '127.0.0.3'].map(
    (address) => new BareSender({ port: serve.alsPort, address }),
  )
  t.after(() => {
    for (const attacker of attackers) attacker.close()
  })
  for (const attacker of attackers) {
    for (let i = 0; i < STREAMS; i++) {
      const stream = attacker.call({ 'grpc-encoding': 'gzip' })
      stream.write(framed(sidecarIdentifier('attack', 'packer')))
      stream.write(framed(ENTRIES, 1))
    }
  }
  await until('one is unpacked', async () => {
    const read = await metric(serve, 'snimeter_receiver_compressed_messages_total')
    return (read.get('{result="read"}') ?? 0) > 0
  })
  for (const attacker of attackers) attacker.close()
  await until('all streams are closed but the one of the neighbour', async () => {
    const open = await metric(serve, 'snimeter_receiver_streams')
    return open.get('') === 1
  })
  const results = await metric(serve, 'snimeter_receiver_compressed_messages_total')
  // Each of those that were cut is counted, as read or as refused.
  assert.ok((results.get('{result="refused"}') ?? 0) >= STREAMS)
  assert.ok((results.get('{result="read"}') ?? 0) < STREAMS)
  await neighbour.send()
  await neighbour.end()
  assert.equal(await serve.terminate(), 0)
  neighbour.assertExact(db)
})
