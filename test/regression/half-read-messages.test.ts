import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { BareSender, frameHeader } from '../helpers/bare-sender.ts'
import {
  delimitedField,
  EntryType,
  tag,
  tcpEntry,
  varint,
  WireType,
} from '../helpers/entry-writer.ts'
import { Neighbour } from '../helpers/neighbour.ts'
import { peakResidentBytes } from '../helpers/resident-memory.ts'
import { databaseIn, metricSum, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const MIB = 2 ** 20
const CLAIMED = 256 * MIB
/** Per connection, and connections of each attack; 200 MiB on 12 by environment variables. */
const SENT = Number(process.env['SNIMETER_HALF_MESSAGE_MIB'] ?? 20) * MIB
const CONNECTIONS = Number(process.env['SNIMETER_HALF_MESSAGES'] ?? 4)
const MOST = 450 * MIB

const open = (field: number, size: number): Buffer =>
  Buffer.concat([tag(field, WireType.delimited), varint(size)])
const periodic = delimitedField(
  1,
  tcpEntry({
    streamId: '11111111-0000-4000-8000-000000000001',
    type: EntryType.tcpPeriodic,
    sni: 'attacker.example',
    startMs: Date.now() - 1000,
    upload: 1,
  }),
)

/** One way to send half a message. */
interface Attack {
  readonly start: Buffer
  /** What is sent again and again. */
  readonly filling: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

const ATTACKS: readonly Attack[] = [
  {
    // One entry that does not end.
    start: Buffer.concat([frameHeader(CLAIMED), open(3, CLAIMED - 8), open(1, CLAIMED - 16)]),
    filling: Buffer.alloc(64 * 1024, 0x0a),
  },
  {
    // Entries without end.
    start: Buffer.concat([frameHeader(CLAIMED), open(3, CLAIMED - 8)]),
    filling: Buffer.concat(Array.from({ length: 500 }, () => periodic)),
  },
  {
    // Entries of one megabyte.
    start: Buffer.concat([frameHeader(CLAIMED), open(3, CLAIMED - 8)]),
    filling: delimitedField(1, Buffer.alloc(MIB - 100, 0x0a)),
  },
  {
    // A compressed message.
    start: frameHeader(CLAIMED, 1),
    filling: Buffer.alloc(64 * 1024, 1),
    headers: { 'grpc-encoding': 'gzip' },
  },
  {
    // A call for another service.
    start: frameHeader(CLAIMED),
    filling: Buffer.alloc(64 * 1024, 0x0a),
    headers: { ':path': '/grpc.health.v1.Health/Check' },
  },
  {
    // A call for no service.
    start: frameHeader(CLAIMED),
    filling: Buffer.alloc(64 * 1024, 0x0a),
    headers: { ':path': '/nobody.Knows/It' },
  },
]

// 12 connections with 200 MiB of an unfinished message each took 2.6 GB, for as long as they liked.
test('half messages on many connections, of every kind, take no memory', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db, env: { SNIMETER_ALS_MESSAGE_TIMEOUT: '2s' } })
  const neighbour = await Neighbour.open(serve)
  const senders: BareSender[] = []
  t.after(() => {
    for (const sender of senders) sender.close()
  })
  /** Sends until all is sent, the call has ended, or nothing is taken any more. */
  const send = async ({ start, filling, headers }: Attack, address: string): Promise<void> => {
    const sender = new BareSender({ port: serve.alsPort, address })
    senders.push(sender)
    const stream = sender.call(headers)
    const closed = once(stream, 'close')
    stream.write(start)
    for (let sent = 0; sent < SENT && !stream.closed; sent += filling.length) {
      const written = new Promise<void>((resolve) => stream.write(filling, () => resolve()))
      await Promise.race([written, closed])
    }
  }
  await Promise.all(
    ATTACKS.flatMap((attack, i) =>
      Array.from({ length: CONNECTIONS }, () => send(attack, `127.0.0.${10 + i}`)),
    ),
  )
  await neighbour.send()
  const peak = peakResidentBytes(serve.child.pid) ?? 0
  t.diagnostic(`peak: ${Math.round(peak / MIB)} MiB`)
  assert.ok(peak < MOST, `${Math.round(peak / MIB)} MiB`)
  assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200)
  // Nothing comes any more: what is unfinished is given up, and only the neighbour is left.
  await until('nothing is held', async () => {
    const held = await metricSum(serve, 'snimeter_receiver_read_bytes')
    return held === 0 && (await metricSum(serve, 'snimeter_receiver_streams')) === 1
  })
  await neighbour.send()
  await neighbour.end()
  assert.equal(await serve.terminate(), 0, serve.stderr)
  neighbour.assertExact(db)
  assert.equal(integrity(db), 'ok')
})
