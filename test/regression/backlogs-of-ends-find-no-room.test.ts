import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sidecarIdentifier } from '../helpers/als-sender.ts'
import { BareSender, framed, statusOf } from '../helpers/bare-sender.ts'
import { delimitedField, EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'

const SENDERS = 20
/** All together eight times what memory keeps. */
const ENDS = 4000
const PER_MESSAGE = 500
const MOST = { SNIMETER_LEDGER_MAX_CONNECTIONS: '8000', SNIMETER_LEDGER_MAX_REQUESTS: '10000' }

const DOWNSTREAM_END = 6
const uuid = (sender: number, n: number): string =>
  `${String(sender).padStart(8, '0')}-0000-4000-8000-${String(n).padStart(12, '0')}`

/** The identity of one end: connections have a UUID, requests an id that clients choose. */
const KINDS = {
  connections: (sender: number, n: number) =>
    tcpEntry({ ...end(n), streamId: uuid(sender, n), type: EntryType.tcpConnectionEnd }),
  requests: (sender: number, n: number) =>
    tcpEntry({
      ...end(n),
      streamId: `request-${sender}-${n}`,
      type: DOWNSTREAM_END,
      intermediate: false,
    }),
} as const

const end = (n: number) => ({
  sni: 'backlog.example',
  startMs: Date.now() - 3_600_000 + n * 500,
  durationMs: 100,
  upload: 3,
  download: 2,
})

for (const [kind, entryOf] of Object.entries(KINDS)) {
  // 79,212 of 1,800,000 Ends found no room when 40 sidecars came back, each with a backlog of its own.
  test(`ends of ${kind} that come faster than they are committed wait for a commit`, async (t) => {
    const db = databaseIn(temporaryFolder(t))
    const serve = await startServe(t, { db, env: MOST })
    const senders = Array.from({ length: SENDERS }, async (_, sender) => {
      const client = new BareSender({ port: serve.alsPort, address: `127.0.2.${sender + 1}` })
      const stream = client.call()
      const status = statusOf(stream)
      stream.write(framed(tcpMessage([], sidecarIdentifier('shop', `w${sender}`))))
      for (let n = 0; n < ENDS; n += PER_MESSAGE) {
        const entries = Array.from({ length: PER_MESSAGE }, (_, i) => entryOf(sender, n + i))
        stream.write(framed(kind === 'requests' ? httpMessage(entries) : tcpMessage(entries)))
      }
      stream.end()
      assert.equal(await status, 0)
      client.close()
    })
    await Promise.all(senders)
    assert.ok(((await metric(serve, 'snimeter_receiver_holds_total')).get('') ?? 0) > 0)
    assert.equal(await serve.terminate(), 0, serve.stderr)
    assert.deepEqual(
      select(db, 'SELECT sum(upload_bytes) AS up, sum(download_bytes) AS down FROM usage'),
      [{ up: BigInt(3 * SENDERS * ENDS), down: BigInt(2 * SENDERS * ENDS) }],
    )
  })
}

/** The same entries as requests: fields of AccessLogCommon are the same. */
function httpMessage(entries: readonly Buffer[]): Buffer {
  return delimitedField(2, ...entries.map((entry) => delimitedField(1, entry)))
}
