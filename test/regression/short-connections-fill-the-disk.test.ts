import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { App } from '../../src/app.ts'
import { defaultConfig } from '../../src/config/load.ts'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { FloodedReceiver, type Report } from '../helpers/flooded-receiver.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

// 500,000 Ends every few seconds filled a volume of 10 GiB in 20 minutes: each is a row of the file for
// seven days.

const MOST = 20_000
const PER_COMMIT = 5000
const MINUTE = 60_000
const FLOOD = '10.0.0.66'

describe('the rows of ended connections', () => {
  const receiver = new FloodedReceiver({ retention: { maxConnections: MOST } })
  after(() => receiver.close())
  let connections = 100
  const flood = receiver.connect(FLOOD, 'flood', 'w')
  const neighbour = receiver.connect('10.0.0.1', 'default', 'shop')

  const rows = (where = 'true'): number =>
    receiver.read<{ n: number }>(`SELECT count(*) AS n FROM connections WHERE ${where}`)[0]?.n ?? 0

  function commits(count: number): void {
    for (let i = 0; i < count; i++) {
      const ends: Report[] = Array.from({ length: PER_COMMIT }, () => ({
        id: ++connections,
        sni: 'x.example',
        upload: 1,
        final: true,
      }))
      receiver.report(flood, ...ends)
      receiver.report(neighbour, { id: 1, sni: 'a.example', upload: 11, startedAt: 0 })
      receiver.pass(MINUTE, MINUTE)
    }
  }

  it('stay within the bound, the ones that reported longest ago leave first, open ones stay', () => {
    receiver.report(
      neighbour,
      { id: 1, sni: 'a.example', upload: 10 },
      { id: 2, sni: 'a.example', upload: 20, final: true },
    )
    receiver.commit()
    commits(9)
    assert.equal(rows("state = 'closed'"), MOST)
    // The newest of the flood are those that are left; the neighbour's first end is not.
    assert.equal(
      rows(`connection_id >= '00000000-0000-4000-8000-${hex(connections - MOST + 1)}'`),
      MOST,
    )
    assert.equal(rows("workload = 'shop'"), 1)
    assert.equal(rows("workload = 'shop' AND state = 'open'"), 1)
  })

  it('cost no total: those of the flood and of the neighbour are right', () => {
    const total = 9 * PER_COMMIT
    assert.deepEqual(receiver.totals('flood'), { 'w x.example': `${total}/0` })
    assert.deepEqual(receiver.totals('default'), { 'shop a.example': '31/0' })
  })

  it('are counted when they leave, and the file says until when it has forgotten', () => {
    const [ledger] = receiver.read<{ forgotten: number }>(
      'SELECT forgotten_before_ms AS forgotten FROM ledger',
    )
    assert.equal(ledger?.forgotten, receiver.now - (MOST / PER_COMMIT + 1) * MINUTE)
    assert.equal(receiver.leftEarly, 9 * PER_COMMIT + 1 - MOST)
  })

  it('do not make the file grow any more', () => {
    const pages = () =>
      receiver.read<{ page_count: number }>('PRAGMA page_count')[0]?.page_count ?? 0
    const before = pages()
    commits(12)
    // Pages of rows that left are used again; random keys fill them unevenly.
    assert.ok(pages() <= before * 1.1, `${before} pages, then ${pages()}`)
    assert.equal(rows("state = 'closed'"), MOST)
  })

  it('are not counted twice when a copy comes while memory knows the connection', () => {
    const id = connections - MOST - 10
    assert.equal(rows(`connection_id = '00000000-0000-4000-8000-${hex(id)}'`), 0)
    receiver.report(flood, { id, sni: 'x.example', upload: 1, final: true })
    receiver.commit()
    assert.deepEqual(receiver.totals('flood'), { 'w x.example': `${21 * PER_COMMIT}/0` })
  })
})

it('serve says how many there are, and how many left early', async (t) => {
  const config = defaultConfig()
  const { store } = config
  const retention = { ...store.retention, maxConnections: 3 }
  const app = new App(
    {
      ...config,
      als: { ...config.als, listen: '127.0.0.1:0' },
      http: { ...config.http, listen: '127.0.0.1:0' },
      store: {
        ...store,
        retention,
        path: join(temporaryFolder(t), 'file.db'),
        commitIntervalMs: 50,
      },
    },
    { logger: memoryLogger() },
  )
  await app.start()
  try {
    using client = new AccessLogClient(app.alsAddress)
    const stream = client.open()
    const ends = Array.from({ length: 10 }, (_, id) =>
      tcpEntry({
        streamId: `00000000-0000-4000-8000-${hex(id)}`,
        type: EntryType.tcpConnectionEnd,
        sni: 'a.example',
        startMs: Date.now() - 1000,
        upload: 1,
      }),
    )
    await stream.send(tcpMessage(ends, SHOP_SIDECAR))
    await stream.end()
    const says = async (line: string): Promise<boolean> =>
      (await (await fetch(`http://${app.httpAddress}/metrics`)).text()).includes(`\n${line}\n`)
    await until('seven have left', () => says('snimeter_store_connections_left_early_total 7'))
    assert.ok(await says('snimeter_store_ended_connections 3'))
  } finally {
    await app.stop()
  }
})

const hex = (id: number): string => id.toString(16).padStart(12, '0')
