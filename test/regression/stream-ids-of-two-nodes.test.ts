import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../../src/runtime/application-id.ts'
import { LEDGER } from '../../src/store/migrations/0001-ledger.ts'
import { OUTBOX } from '../../src/store/migrations/0002-outbox.ts'
import { HOPS } from '../../src/store/migrations/0003-hops.ts'
import { EntryType, identifierField, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type RecordedMessage, ReplayedFile } from '../helpers/replayed-file.ts'

const NOON = Date.UTC(2026, 10, 24, 12)

interface Who {
  readonly id?: string
  readonly cluster?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly envoy?: readonly [number, number, number]
}

const identifier = ({ id = '', cluster = '', metadata = {}, envoy = [1, 40, 0] }: Who) =>
  identifierField({ id, cluster, metadata, envoy })

/** A last entry of a connection that began at noon. */
function end(stream: number, who: Who, streamId: string, upload: number): RecordedMessage {
  const entry = tcpEntry({
    streamId,
    type: EntryType.tcpConnectionEnd,
    sni: 'a.example',
    startMs: NOON,
    durationMs: 1000,
    upload,
    downstreamRemote: { ip: '10.0.0.1', port: 40_000 },
  })
  return { stream, ms: NOON + 2000 + stream, message: tcpMessage([entry], identifier(who)) }
}

const totals = (file: ReplayedFile) =>
  file.rows(
    'SELECT workload, upload_bytes, connections FROM workload_totals ORDER BY workload, upload_bytes',
  )

// Two nodes that number their connections 1, 2, … were one to the ledger: of each number only the
// larger byte count was billed, to whoever was first.
it('two nodes that both send "1" and "2" keep all their bytes', async (t) => {
  const file = new ReplayedFile(t)
  const [a, b] = [{ id: 'envoy-a' }, { id: 'envoy-b' }]
  const messages = [
    [end(1, a, '1', 100), end(2, b, '1', 150), end(1, a, '2', 7), end(2, b, '2', 5)],
    // The same connections again, on other streams: a restart, another logger.
    [end(3, a, '1', 100), end(4, b, '2', 5)],
  ].flat()
  const right = [
    ['envoy-a', 107, 2],
    ['envoy-b', 155, 2],
  ]
  await file.replay(messages)
  assert.deepEqual(totals(file), right)
  await file.replay(messages)
  assert.deepEqual(totals(file), right)
})

it('nodes without an id are told apart by what else they say', async (t) => {
  const file = new ReplayedFile(t)
  const nodes: readonly Who[] = [
    { cluster: 'edge' },
    { cluster: 'core' },
    { metadata: { NAME: 'web-1', WORKLOAD_NAME: 'web' } },
    { metadata: { NAME: 'web-2', WORKLOAD_NAME: 'web' } },
  ]
  const messages = nodes.map((who, i) => end(i + 1, who, '1', 10 ** i))
  const right = [
    ['core', 10, 1],
    ['edge', 1, 1],
    ['web', 1100, 2],
  ]
  await file.replay(messages)
  assert.deepEqual(totals(file), right)
  await file.replay(messages)
  assert.deepEqual(totals(file), right)
})

it('a UUID is one connection, whoever reports it', async (t) => {
  const file = new ReplayedFile(t)
  const uuid = '0b1c2d3e-0000-4000-8000-000000000001'
  await file.replay([
    end(1, { id: 'envoy-a' }, uuid, 100),
    end(2, { id: 'envoy-a' }, uuid.toUpperCase(), 100),
  ])
  assert.deepEqual(totals(file), [['envoy-a', 100, 1]])
})

// An upgrade while connections are open: their rows have the identity of before.
it('an upgrade counts no connection of a file again', async (t) => {
  const file = new ReplayedFile(t)
  const start = Buffer.alloc(16)
  start.writeDoubleBE(NOON / 1000)
  const remote = Buffer.from([10, 14, 18, 8, ...Buffer.from('10.0.0.1'), 24, 0xc0, 0xb8, 2])
  const noScope = createHash('sha256').update('').digest().subarray(0, 16)
  const withoutId = [noScope, start, remote, '']
  writeVersion3(file.path, [
    { node: 'envoy-a', pod: '', workload: 'envoy-a', key: oldKey('stream-id', ['1']), upload: 100 },
    { node: '', pod: 'web-1', workload: 'web-1', key: oldKey('stream-id', ['7']), upload: 20 },
    {
      node: '',
      pod: 'old-1',
      workload: 'old-1',
      key: oldKey('no-stream-id', withoutId),
      upload: 3,
    },
  ])
  const again = [
    end(1, { id: 'envoy-a' }, '1', 130),
    end(2, { metadata: { NAME: 'web-1' } }, '7', 20),
    end(3, { metadata: { NAME: 'old-1' }, envoy: [1, 24, 0] }, '', 3),
    end(4, { id: 'envoy-b' }, '1', 9),
  ]
  await file.replay(again)
  assert.deepEqual(totals(file), [
    ['envoy-a', 130, 1],
    ['envoy-b', 9, 1],
    ['old-1', 3, 1],
    ['web-1', 20, 1],
  ])
})

interface OldRow {
  readonly node: string
  readonly pod: string
  readonly workload: string
  readonly key: Buffer
  readonly upload: number
}

/** A file of the third schema with open connections, as its program wrote them. */
function writeVersion3(path: string, rows: readonly OldRow[]): void {
  const database = new Database(path)
  for (const sql of [LEDGER, OUTBOX, HOPS]) database.exec(sql)
  database.exec(`
    INSERT INTO ledger (id, ledger_id, sequence, ledger_ms, newest_ms, minutes_from_ms,
                        newest_start_ms, forgotten_before_ms, saturated)
    VALUES (1, 'a', 1, 0, ${NOON}, 0, ${NOON}, 0, 0);
    INSERT INTO window_length VALUES (0, 60);
    INSERT INTO destination VALUES (1, 'a.example', 'sni')`)
  rows.forEach(({ node, pod, workload, key, upload }, i) => {
    const id = i + 1
    const kind = pod === '' ? 'Node' : 'Pod'
    const run = (sql: string, ...values: unknown[]) => database.prepare(sql).run(...values)
    run("INSERT INTO workload VALUES (?, '', '', ?, ?)", id, kind, workload)
    run("INSERT INTO node VALUES (?, ?, ?, 'unknown', '', '1.40.0', ?)", id, node, pod, id)
    run('INSERT INTO pair_total VALUES (?, 1, ?, 0, 1, 0, ?, ?)', id, upload, NOON, NOON + 1000)
    run(
      `INSERT INTO connection VALUES (?, 1, 2, 1, 1, ?, ?, 1, 0, NULL, ?, ?, 0, 0, ?, ?, 0, ?, 0, 0, 0)`,
      key,
      id,
      id,
      NOON,
      NOON + 500,
      upload,
      NOON + 500,
      upload,
    )
  })
  database.pragma(`application_id = ${APPLICATION_ID}`)
  database.pragma('user_version = 3')
  database.close()
}

/** The identity of before: the first 16 bytes of SHA-256 over tag and parts, each with its length. */
function oldKey(tag: string, parts: readonly (Uint8Array | string)[]): Buffer {
  const digest = createHash('sha256').update(`${tag}\0`)
  for (const part of parts) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(part.length)
    digest.update(length).update(part)
  }
  return digest.digest().subarray(0, 16)
}
