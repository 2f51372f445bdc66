import assert from 'node:assert/strict'
import { it } from 'node:test'
import Database from 'better-sqlite3'
import { sidecarIdentifier } from '../helpers/als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { LoopbackSender } from '../helpers/loopback-sender.ts'
import { databaseIn, metric, metricSum, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'

// One sender of a running receiver invents nodes, workloads and names, opens connections that never end
// and reports ends without end; another, at its own address, is a well-behaved neighbour.

const LIMIT = 1000
const NEIGHBOURS = 20

const streamId = (number: number): string =>
  `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`

it('a neighbour keeps its workload, names and bytes while another sender floods serve', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, {
    db,
    env: {
      SNIMETER_LEDGER_MAX_CONNECTIONS: String(LIMIT),
      SNIMETER_LEDGER_MAX_REQUESTS: String(LIMIT),
      SNIMETER_STORE_MAX_CONNECTIONS: String(LIMIT),
      SNIMETER_ROLLUP_NAMES_PER_DAY: String(LIMIT),
      SNIMETER_ROLLUP_NAMES_PER_WORKLOAD_PER_DAY: String(LIMIT),
    },
  })
  const flood = new LoopbackSender(serve.alsPort, '127.0.0.3')
  const neighbour = new LoopbackSender(serve.alsPort, '127.0.0.2')
  t.after(() => {
    flood.close()
    neighbour.close()
  })
  const startMs = Date.now()

  const stream = neighbour.open()
  await neighbour.send(stream, tcpMessage([], sidecarIdentifier('default', 'shop')))
  /** Each of the neighbour's connections reports; the last ones of a round are new. */
  const report = (connections: number, upload: number, type: number) =>
    neighbour.send(
      stream,
      tcpMessage(
        Array.from({ length: connections }, (_, i) =>
          tcpEntry({
            streamId: streamId(i + 1),
            type,
            sni: `n${i}.example`,
            startMs,
            upload,
            download: upload * 2,
            ...(type === EntryType.tcpConnectionEnd ? { durationMs: Date.now() - startMs } : {}),
          }),
        ),
      ),
    )

  await report(NEIGHBOURS / 2, 100, EntryType.tcpPeriodic)
  const floods = flood.open()
  let ids = 1000
  for (let round = 0; round < 60; round++) {
    const forged =
      round % 3 === 0 ? sidecarIdentifier('default', 'shop', `shop-${round}`) : undefined
    const identifier = forged ?? sidecarIdentifier('flood', `w${round}`)
    const entries = Array.from({ length: 100 }, (_, i) =>
      tcpEntry({
        streamId: streamId(++ids),
        type: i % 2 === 0 ? EntryType.tcpPeriodic : EntryType.tcpConnectionEnd,
        sni: `x${ids}.example`,
        startMs,
        upload: 1,
      }),
    )
    await flood.send(floods, tcpMessage(entries, identifier))
    if (round === 30) await report(NEIGHBOURS, 200, EntryType.tcpPeriodic)
  }
  await until(
    'the flood is read',
    async () =>
      (await metricSum(serve, 'snimeter_entries_received_total')) >= 6000 + NEIGHBOURS * 1.5,
  )
  await report(NEIGHBOURS, 300, EntryType.tcpConnectionEnd)
  await until(
    'everything is read',
    async () =>
      (await metricSum(serve, 'snimeter_entries_received_total')) === 6000 + NEIGHBOURS * 2.5,
  )
  const refusals = await metric(serve, 'snimeter_share_refusals_total')
  assert.ok((refusals.get('{pool="living"}') ?? 0) > 0)
  assert.ok((refusals.get('{pool="names"}') ?? 0) > 0)
  await until('rows of ended connections leave for want of room', async () => {
    const ends = Array.from({ length: 300 }, () =>
      tcpEntry({ streamId: streamId(++ids), type: EntryType.tcpConnectionEnd, startMs, upload: 1 }),
    )
    await flood.send(floods, tcpMessage(ends))
    return (await metricSum(serve, 'snimeter_store_connections_left_early_total')) > 0
  })
  assert.equal(await serve.terminate(), 0)

  const database = new Database(db, { readonly: true })
  t.after(() => database.close())
  const rows = database
    .prepare(
      `SELECT sni, sum(upload_bytes) || '/' || sum(download_bytes) AS bytes FROM usage
       WHERE namespace = 'default' AND workload = 'shop' AND sni GLOB 'n*' GROUP BY sni`,
    )
    .all() as { sni: string; bytes: string }[]
  assert.deepEqual(
    Object.fromEntries(rows.map(({ sni, bytes }) => [sni, bytes])),
    Object.fromEntries(Array.from({ length: NEIGHBOURS }, (_, i) => [`n${i}.example`, '300/600'])),
  )
  const ended = database.prepare('SELECT count(*) FROM connection WHERE state <> 1').pluck().get()
  assert.ok(Number(ended) <= LIMIT, String(ended))
})
