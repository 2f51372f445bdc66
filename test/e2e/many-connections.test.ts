import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { residentBytes } from '../helpers/resident-memory.ts'
import { databaseIn, metric, metricSum, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, totalsByName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const MIB = 2 ** 20
/** Connections that are open at a time; a million by environment variable. */
const CONNECTIONS = Number(process.env['SNIMETER_MANY_CONNECTIONS'] ?? 200_000)
/** Room for some of them only. */
const ROOM = CONNECTIONS / 4
const PER_MESSAGE = 250
const SNI = 'bucket.example.com'

const streamId = (n: number): string =>
  `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

test(`of ${CONNECTIONS} open connections with room for a quarter, no byte of an End is lost`, async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const env = { SNIMETER_LEDGER_MAX_CONNECTIONS: String(ROOM) }
  const serve = await startServe(t, { db, env })
  const sender = new AlsSender(serve.alsAddress)
  assert.ok(await sender.send(tcpMessage([], sidecarIdentifier('many', 'crawler'))))
  const startMs = Date.now() - 1000

  /** One entry for each of the connections from … to. */
  const say = async (from: number, to: number, type: number, upload: number): Promise<void> => {
    for (let at = from; at < to; at += PER_MESSAGE) {
      const entries = Array.from({ length: Math.min(PER_MESSAGE, to - at) }, (_, i) =>
        tcpEntry({ streamId: streamId(at + i), type, sni: SNI, startMs, upload }),
      )
      assert.ok(await sender.send(tcpMessage(entries)))
    }
  }

  await say(0, CONNECTIONS, EntryType.tcpPeriodic, 10)
  await until('all were heard', async () => {
    return (await metricSum(serve, 'snimeter_entries_received_total')) === CONNECTIONS
  })
  const states = await metric(serve, 'snimeter_ledger_connections')
  assert.equal(states.get('{state="living"}'), ROOM)
  const rejected = await metric(serve, 'snimeter_entries_rejected_total')
  assert.equal(rejected.get('{reason="no_room"}'), CONNECTIONS - ROOM)
  // It takes every End all the same: without endpoints sidecars would lose data.
  assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200)
  const resident = residentBytes(serve.child.pid)
  t.diagnostic(`resident: ${Math.round((resident ?? 0) / MIB)} MiB`)
  assert.ok((resident ?? 0) < 900 * MIB)

  // A thousand that had room and a thousand that had none end.
  await say(CONNECTIONS - 1000, CONNECTIONS, EntryType.tcpConnectionEnd, 40)
  await say(0, 1000, EntryType.tcpConnectionEnd, 30)
  assert.equal(await sender.end(), 0)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  const totals = totalsByName(db)
  assert.deepEqual(totals[SNI], {
    upload: BigInt(ROOM * 10 + 1000 * 20),
    download: 0n,
    connections: BigInt(ROOM),
  })
  assert.deepEqual(totals['__other__'], { upload: 40_000n, download: 0n, connections: 1000n })
  assert.equal(integrity(db), 'ok')
})
