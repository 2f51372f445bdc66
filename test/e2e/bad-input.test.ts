import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import {
  addressField,
  delimitedField,
  EntryType,
  numberField,
  type TcpEntry,
  tag,
  tcpEntry,
  tcpMessage,
  textField,
  timeField,
  varint,
  WireType,
} from '../helpers/entry-writer.ts'
import { Random, runSeed } from '../helpers/random.ts'
import { RawStream } from '../helpers/raw-stream.ts'
import { residentBytes } from '../helpers/resident-memory.ts'
import { databaseIn, metric, metricSum, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, select, totalsByName, totalsByWorkloadAndName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const MIB = 2 ** 20
/** Different names that one client invents. */
const NAMES = Number(process.env['SNIMETER_BAD_INPUT_NAMES'] ?? 200_000)
const IDLE_STREAMS = Number(process.env['SNIMETER_BAD_INPUT_STREAMS'] ?? 10_000)
const UPLOAD = 1000
const DOWNLOAD = 5000

const seed = runSeed()
const random = new Random(seed)

/** An ordinary final entry of a connection of its own. */
function good(sni: string, more: Partial<TcpEntry> = {}): Buffer {
  return tcpEntry({
    streamId: random.uuid(),
    type: EntryType.tcpConnectionEnd,
    sni,
    startMs: Date.now() - 50,
    durationMs: 50,
    upload: UPLOAD,
    download: DOWNLOAD,
    upstreamRemote: { ip: '198.51.100.9', port: 443 },
    ...more,
  })
}

/** A stream of a sidecar; its first message is sent with the identifier. */
async function sidecarStream(serve: ServeProcess, workload: string): Promise<AlsSender> {
  const sender = new AlsSender(serve.alsAddress)
  assert.ok(await sender.send(tcpMessage([], sidecarIdentifier('bad', workload))))
  return sender
}

async function rejectedBy(serve: ServeProcess): Promise<Record<string, number>> {
  const samples = await metric(serve, 'snimeter_entries_rejected_total')
  const counts = [...samples].map(([labels, count]) => [/"(.*)"/.exec(labels)?.[1], count])
  return Object.fromEntries(counts.filter(([, count]) => count !== 0)) as Record<string, number>
}

function total(connections: number): object {
  return {
    upload: BigInt(connections * UPLOAD),
    download: BigInt(connections * DOWNLOAD),
    connections: BigInt(connections),
  }
}

/** Waits until the file has these bytes for a name; fails with what it has. */
async function assertTotal(db: string, name: string, connections: number): Promise<void> {
  await until(`${name} is committed`, () => {
    assert.deepEqual(totalsByName(db)[name], total(connections))
    return true
  })
}

test('good entries beside bad ones count, and every refusal by its reason', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const sender = await sidecarStream(serve, 'mixed')
  const cut = good('cut.example.com')
  const huge = { upload: 2n ** 64n - 1n, download: 2n ** 63n }
  const invalidUtf8 = Buffer.from([0x62, 0xff, 0xfe, 0x2e, 0x63, 0x6f, 0x6d])
  const entries = [
    good('good.example.com'),
    // Refused.
    cut.subarray(0, cut.length - 40),
    good('huge.example.com', huge),
    good('petabyte.example.com', { upload: 2 ** 50 + 1 }),
    good('upstream.example.com', { type: 9 }),
    good('unknown.example.com', { type: 77, intermediate: false }),
    listenerFilterDeath(),
    // No names: counted under the address that they went to.
    good('x'.repeat(16_384)),
    good('__other__'),
    good('two words.example.com'),
    good('"quoted".example.com\n'),
    withSni(invalidUtf8),
    // Counted, whatever else is in them.
    good('good.example.com', { extra: [numberField(900, 1), textField(901, 'from the future')] }),
    good('good.example.com', { extra: [wrongWireTypes()] }),
    good('good.example.com', { startMs: 0, durationMs: 50 }),
    good('good.example.com', { startMs: Date.UTC(2100, 0), durationMs: 50 }),
    good('Good.Example.COM.'),
    good('good.example.com', { upload: UPLOAD, download: DOWNLOAD, streamId: 'not a uuid' }),
  ]
  assert.ok(await sender.send(tcpMessage(entries)))
  assert.ok(await sender.send(tcpMessage([good('good.example.com')])))
  assert.equal(await sender.end(), 0)

  await assertTotal(db, 'good.example.com', 8)
  await assertTotal(db, '198.51.100.9', 5)
  assert.deepEqual(Object.keys(totalsByName(db)).sort(), ['198.51.100.9', 'good.example.com'])
  const rejected = {
    malformed_entry: 1,
    implausible_counter: 2,
    uncounted_type: 1,
    unknown_type: 1,
    no_connection_id: 1,
  }
  assert.deepEqual(await rejectedBy(serve), rejected)
  assert.equal(await metricSum(serve, 'snimeter_entries_received_total'), entries.length + 1)
  const [coverage] = select(
    db,
    "SELECT entries, rejected FROM coverage WHERE workload = 'mixed' AND entries > 0",
  )
  assert.equal(coverage?.['entries'], BigInt(entries.length + 1))
  assert.deepEqual(JSON.parse(String(coverage?.['rejected'])), rejected)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  assert.equal(integrity(db), 'ok')
})

/** As a connection leaves it that died before tcp_proxy: no id, no bytes, type 0. */
function listenerFilterDeath(): Buffer {
  const common = delimitedField(
    1,
    addressField(2, { ip: '10.0.0.1', port: 4711 }),
    timeField(5, Date.now()),
    timeField(23, 3),
  )
  return common
}

function withSni(sni: Buffer): Buffer {
  // tls_properties a second time: protobuf merges, the last word wins.
  return good('first.example.com', { extra: [delimitedField(4, delimitedField(3, sni))] })
}

/** Fields that we read, with types that they do not have: skipped as unknown. */
function wrongWireTypes(): Buffer {
  return Buffer.concat([
    tag(26, WireType.fixed64),
    Buffer.alloc(8, 7),
    tag(31, WireType.fixed32),
    Buffer.alloc(4, 7),
    tag(15, WireType.varint),
    varint(300),
  ])
}

test('random bytes never end a stream, and what follows them counts', async (t) => {
  t.diagnostic(`SNIMETER_TEST_SEED=${seed}`)
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const sender = await sidecarStream(serve, 'random')
  const valid = tcpMessage([good('victim.example.com'), good('victim.example.com')])
  for (let round = 0; round < 1000; round += 1) {
    const noise = Buffer.from(Array.from({ length: random.integer(0, 200) }, () => byte()))
    assert.ok(await sender.send(noise))
    // A valid message with some bytes turned into others, and one that is cut.
    const damaged = Buffer.from(valid)
    for (let flips = 0; flips < 3; flips += 1) damaged[random.integer(0, damaged.length)] = byte()
    assert.ok(await sender.send(damaged.subarray(0, random.integer(1, damaged.length + 1))))
  }
  assert.ok(await sender.send(tcpMessage([good('survivor.example.com')])))
  assert.equal(await sender.end(), 0)
  await assertTotal(db, 'survivor.example.com', 1)
  const rejected = await rejectedBy(serve)
  assert.ok((rejected['malformed_message'] ?? 0) > 0, JSON.stringify(rejected))
  const received = await metricSum(serve, 'snimeter_entries_received_total')
  const applied = await metricSum(serve, 'snimeter_entries_applied_total')
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0)
  assert.equal(received, applied + refused)
  assert.equal(await metricSum(serve, 'snimeter_receiver_handler_errors_total'), 0)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  assert.equal(integrity(db), 'ok')
})

function byte(): number {
  return random.integer(0, 256)
}

test('streams without identifier, silent ones and broken ones harm nobody else', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db, env: { SNIMETER_ALS_MAX_MESSAGE_SIZE: '1MiB' } })
  const healthy = await sidecarStream(serve, 'healthy')

  const silent = await RawStream.open(serve.alsPort)
  const garbage = await RawStream.open(serve.alsPort)
  await garbage.sendBytes(Buffer.from(Array.from({ length: 4096 }, () => byte())))
  const inHalf = await RawStream.open(serve.alsPort)
  const message = tcpMessage([good('half.example.com')], sidecarIdentifier('bad', 'half'))
  await inHalf.sendPart(message, message.length - 3)
  inHalf.reset()

  const nameless = new AlsSender(serve.alsAddress)
  assert.ok(await nameless.send(tcpMessage([good('nameless.example.com')])))
  const oversized = await sidecarStream(serve, 'oversized')
  await oversized.send(Buffer.alloc(2 * MIB))
  const RESOURCE_EXHAUSTED = 8
  assert.equal(await oversized.ended, RESOURCE_EXHAUSTED)

  assert.ok(await healthy.send(tcpMessage([good('healthy.example.com')])))
  assert.equal(await healthy.end(), 0)
  assert.equal(await nameless.end(), 0)
  await assertTotal(db, 'healthy.example.com', 1)
  await assertTotal(db, 'nameless.example.com', 1)
  assert.deepEqual(Object.keys(totalsByWorkloadAndName(db)).sort(), [
    '/__unknown__ nameless.example.com',
    'bad/healthy healthy.example.com',
  ])
  assert.equal(await metricSum(serve, 'snimeter_streams_without_identifier_total'), 1)
  assert.equal(await metricSum(serve, 'snimeter_receiver_oversized_messages_total'), 1)
  silent.reset()
  garbage.reset()
  assert.equal(await serve.terminate(), 0, serve.stderr)
})

test(`${NAMES} invented names of one workload are counted in bounded memory`, async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const sender = await sidecarStream(serve, 'crawler')
  for (let sent = 0; sent < NAMES; sent += 500) {
    const entries = Array.from({ length: Math.min(500, NAMES - sent) }, (_, i) =>
      good(`n${sent + i}.example.com`),
    )
    assert.ok(await sender.send(tcpMessage(entries)))
  }
  assert.equal(await sender.end(), 0)
  const resident = residentBytes(serve.child.pid)
  t.diagnostic(`resident: ${Math.round((resident ?? 0) / MIB)} MiB`)
  assert.ok((resident ?? 0) < 900 * MIB)
  // The default budget of a workload and day.
  const kept = Math.min(NAMES, 10_000)
  await until(
    'every byte is in the file',
    () => {
      const [row] = select(
        db,
        'SELECT sum(upload_bytes) AS upload, sum(download_bytes) AS download, sum(connections) AS connections FROM sni_totals',
      )
      assert.deepEqual(row, total(NAMES))
      return true
    },
    120_000,
  )
  assert.deepEqual(totalsByName(db)['__other__'], total(NAMES - kept))
  assert.equal(Object.keys(totalsByName(db)).length, kept + 1)
  assert.equal(await serve.terminate(), 0, serve.stderr)
})

test(`${IDLE_STREAMS} idle streams cost little, and others are served beside them`, async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const script = fileURLToPath(new URL('../helpers/idle-streams.ts', import.meta.url))
  const child = spawn(process.execPath, [script, String(serve.alsPort), String(IDLE_STREAMS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => assert.fail('the idle client has ended')),
  ])
  await until('the server counts them', async () => {
    return (await metricSum(serve, 'snimeter_receiver_streams')) >= IDLE_STREAMS
  })
  const resident = residentBytes(serve.child.pid)
  t.diagnostic(`resident: ${Math.round((resident ?? 0) / MIB)} MiB`)
  assert.ok((resident ?? 0) < 1024 * MIB)
  const sender = await sidecarStream(serve, 'busy')
  assert.ok(await sender.send(tcpMessage([good('busy.example.com')])))
  assert.equal(await sender.end(), 0)
  await assertTotal(db, 'busy.example.com', 1)
  child.stdin.end()
  await exited
  await until('the server has let go of them', async () => {
    return (await metricSum(serve, 'snimeter_receiver_streams')) === 0
  })
  assert.equal(await serve.terminate(), 0, serve.stderr)
})
