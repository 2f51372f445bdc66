import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../../src/runtime/application-id.ts'
import { LEDGER } from '../../src/store/migrations/0001-ledger.ts'
import { OUTBOX } from '../../src/store/migrations/0002-outbox.ts'
import { HOPS } from '../../src/store/migrations/0003-hops.ts'
import { EntryType, identifierField, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { type RecordedMessage, ReplayedFile } from '../helpers/replayed-file.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const OPEN = 1
const CLOSED = 2
const ORPHANED = 3

const node = (cluster: string, metadata: Readonly<Record<string, string>> = {}) =>
  identifierField({ id: '', cluster, metadata, envoy: [1, 40, 0] })
const EDGE = node('edge')
const CORE = node('core')

interface Report {
  readonly stream?: number
  readonly upload: number
  readonly startMs?: number
  readonly final?: boolean
}

/** An entry about connection `streamId`, which began at noon. */
function report(
  identifier: Buffer | undefined,
  streamId: string,
  { stream = 1, upload, startMs = NOON, final = true }: Report,
): RecordedMessage {
  const entry = tcpEntry({
    streamId,
    type: final ? EntryType.tcpConnectionEnd : EntryType.tcpPeriodic,
    sni: 'a.example',
    startMs,
    ...(final ? { durationMs: 1000 } : {}),
    upload,
    download: 0,
  })
  return { stream, ms: NOON + 60_000, message: tcpMessage([entry], identifier) }
}

/** Bytes and connections of each workload, and the rows of connections. */
const totals = (file: ReplayedFile) => [
  file.rows('SELECT workload, upload_bytes, connections FROM workload_totals ORDER BY workload'),
  file.rows('SELECT count(*), sum(upload_bytes) FROM connections'),
]

// A node that says its cluster only was the unknown source, which had one scope for its stream ids. Since it
// is known its ids have another: its open connections counted again from their first byte.
describe('a connection of before an upgrade, of a node that was not known then', () => {
  for (const state of [OPEN, ORPHANED, CLOSED]) {
    it(`goes on where it was, and ends once (state ${state})`, async (t) => {
      const file = new ReplayedFile(t)
      writeVersion3(file.path, [{ streamId: '7', upload: 5, state }])
      const again = [
        report(EDGE, '7', { upload: 6, final: false }),
        report(EDGE, '7', { upload: 8 }),
        report(EDGE, '7', { upload: 8, stream: 2 }),
      ]
      await file.replay(again)
      assert.deepEqual(totals(file), [[['__unknown__', 8, 1]], [[1, 8]]])
      await file.replay(again)
      assert.deepEqual(totals(file), [[['__unknown__', 8, 1]], [[1, 8]]])
      assert.deepEqual(file.rows('SELECT state FROM connections'), [['closed']])
    })
  }

  it('is the one that began at the same moment, and nobody else’s', async (t) => {
    const file = new ReplayedFile(t)
    writeVersion3(file.path, [
      { streamId: '7', upload: 5 },
      { streamId: '8', upload: 50 },
    ])
    await file.replay([
      report(CORE, '7', { upload: 100, startMs: NOON - 1 }),
      report(EDGE, '7', { upload: 8, stream: 2 }),
      // The row has its owner now.
      report(node('late'), '7', { upload: 9, stream: 3 }),
      report(undefined, '8', { upload: 51, stream: 4 }),
      report(CORE, '9', { upload: 1000, stream: 1 }),
    ])
    const right = [
      ['__unknown__', 59, 2],
      ['core', 1100, 2],
      ['late', 9, 1],
    ]
    assert.deepEqual(totals(file), [right, [[5, 1168]]])
  })

  it('that began after the upgrade is the node’s own', async (t) => {
    const file = new ReplayedFile(t)
    writeVersion3(file.path, [{ streamId: '7', upload: 5 }])
    const startMs = NOON + 1
    await file.replay([
      report(undefined, '9', { upload: 3, startMs }),
      report(EDGE, '9', { upload: 4, startMs, stream: 2 }),
    ])
    assert.deepEqual(totals(file), [
      [
        ['__unknown__', 8, 2],
        ['edge', 4, 1],
      ],
      [[3, 12]],
    ])
  })

  it('by what else it says: a place, an owner, an identifier with a damaged text', async (t) => {
    const nodes = [
      node('', { NAMESPACE: 'shop' }),
      node('', { OWNER: 'kubernetes://apis/apps/v1/namespaces/shop/deployments/web' }),
      identifierField({ id: 'envoy-\u0001', cluster: '', metadata: {}, envoy: [1, 40, 0] }),
    ]
    // One byte of the id is no UTF-8.
    nodes[2]?.set([0xff], nodes[2].indexOf(1, 8))
    for (const identifier of nodes) {
      const file = new ReplayedFile(t)
      writeVersion3(file.path, [{ streamId: '7', upload: 5 }])
      await file.replay([report(identifier, '7', { upload: 8 })])
      assert.deepEqual(totals(file), [[['__unknown__', 8, 1]], [[1, 8]]])
    }
  })
})

interface OldRow {
  readonly streamId: string
  readonly upload: number
  readonly state?: number
}

/** A file of the third schema with connections of the unknown source, as its program wrote them. */
function writeVersion3(path: string, rows: readonly OldRow[]): void {
  const database = new Database(path)
  for (const sql of [LEDGER, OUTBOX, HOPS]) database.exec(sql)
  const bytes = rows.reduce((sum, { upload }) => sum + upload, 0)
  database.exec(`
    INSERT INTO ledger (id, ledger_id, sequence, ledger_ms, newest_ms, minutes_from_ms,
                        newest_start_ms, forgotten_before_ms, saturated)
    VALUES (1, 'a', 1, 0, ${NOON}, 0, ${NOON}, 0, 0);
    INSERT INTO window_length VALUES (0, 60);
    INSERT INTO destination VALUES (1, 'a.example', 'sni');
    INSERT INTO workload VALUES (1, '', '', 'unknown', '__unknown__');
    INSERT INTO node VALUES (1, '', '', 'unknown', '', '', 1);
    INSERT INTO pair_total VALUES (1, 1, ${bytes}, 0, ${rows.length}, 0, ${NOON}, ${NOON + 1000})`)
  const insert = database.prepare(
    `INSERT INTO connection VALUES (?, 1, 2, 2, ?, 1, 1, 1, 0, NULL, ?, ?, 0, 0, ?, ?, 0, ?, 0, 0, 0)`,
  )
  for (const { streamId, upload, state = OPEN } of rows) {
    insert.run(oldKey(streamId), state, NOON, NOON, upload, NOON, upload)
  }
  database.pragma(`application_id = ${APPLICATION_ID}`)
  database.pragma('user_version = 3')
  database.close()
}

/** The identity of before: the first 16 bytes of SHA-256 over tag and stream id, with its length. */
function oldKey(streamId: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(streamId.length)
  const digest = createHash('sha256').update('stream-id\0').update(length).update(streamId)
  return digest.digest().subarray(0, 16)
}
