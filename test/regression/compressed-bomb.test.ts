import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { sidecarIdentifier } from '../helpers/als-sender.ts'
import { BareSender, framed, statusOf } from '../helpers/bare-sender.ts'
import { delimitedField, EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { Neighbour } from '../helpers/neighbour.ts'
import { peakResidentBytes } from '../helpers/resident-memory.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { totalsByName } from '../helpers/totals.ts'

const MIB = 2 ** 20
const RESOURCE_EXHAUSTED = 8
const UNIMPLEMENTED = 12
const INTERNAL = 13
const PACK = { gzip: gzipSync, deflate: deflateSync } as const

const end = (encoding: string, n: number): Buffer =>
  tcpEntry({
    streamId: `${encoding === 'gzip' ? 'aaaaaaaa' : 'bbbbbbbb'}-0000-4000-8000-${n.toString().padStart(12, '0')}`,
    type: EntryType.tcpConnectionEnd,
    sni: `${encoding}.example`,
    startMs: Date.now() - 1000,
    upload: n,
  })

// 2 MB of gzip took 3 GB: eight frames of 255 MiB each were unpacked at the same time.
test('compressed messages are read up to a bound, and a bomb takes no memory', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const neighbour = await Neighbour.open(serve)
  const honest = new BareSender({ port: serve.alsPort })
  const attacker = new BareSender({ port: serve.alsPort, address: '127.0.0.2' })
  t.after(() => {
    honest.close()
    attacker.close()
  })
  // A message that is well formed, and one that is not; both of 255 MiB.
  const bombs = [delimitedField(9, Buffer.alloc(255 * MIB)), Buffer.alloc(255 * MIB)]
  for (const encoding of ['gzip', 'deflate'] as const) {
    for (const bomb of bombs) {
      const packed = framed(PACK[encoding](bomb), 1)
      const streams = Array.from({ length: 4 }, () => {
        const stream = attacker.call({ 'grpc-encoding': encoding })
        stream.end(Buffer.concat(Array.from({ length: 8 }, () => packed)))
        return statusOf(stream)
      })
      assert.deepEqual(
        await Promise.all(streams),
        streams.map(() => RESOURCE_EXHAUSTED),
      )
    }
    // Two messages of an honest sender, the second one of 4 MiB, and one that is not compressed.
    const stream = honest.call({ 'grpc-encoding': encoding })
    const many = Array.from({ length: 20_000 }, (_, n) => end(encoding, n + 2))
    const first = tcpMessage([end(encoding, 1)], sidecarIdentifier('shop', 'packer'))
    stream.write(framed(PACK[encoding](first), 1))
    stream.write(framed(PACK[encoding](tcpMessage(many)), 1))
    stream.end(framed(tcpMessage([end(encoding, 20_002)])))
    assert.equal(await statusOf(stream), 0)
  }
  for (const [encoding, status] of [
    ['br', UNIMPLEMENTED],
    ['identity', UNIMPLEMENTED],
    ['gzip', INTERNAL],
  ] as const) {
    const stream = attacker.call({ 'grpc-encoding': encoding })
    stream.end(framed(Buffer.from('not compressed at all'), 1))
    assert.equal(await statusOf(stream), status, encoding)
  }
  const peak = (peakResidentBytes(serve.child.pid) ?? 0) / MIB
  t.diagnostic(`peak: ${Math.round(peak)} MiB`)
  assert.ok(peak < 450, `${peak} MiB`)
  const compressed = await metric(serve, 'snimeter_receiver_compressed_messages_total')
  assert.equal(compressed.get('{result="read"}'), 4)
  assert.ok((compressed.get('{result="refused"}') ?? 0) >= 2 * 2 * 4 + 3)
  assert.ok(serve.log.some(({ msg }) => msg?.includes('cannot be unpacked')))

  await neighbour.send()
  await neighbour.end()
  assert.equal(await serve.terminate(), 0, serve.stderr)
  neighbour.assertExact(db)
  for (const encoding of ['gzip', 'deflate']) {
    assert.deepEqual(totalsByName(db)[`${encoding}.example`], {
      upload: BigInt((20_002 * 20_003) / 2),
      download: 0n,
      connections: 20_002n,
    })
  }
})
