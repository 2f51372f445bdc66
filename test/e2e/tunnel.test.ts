import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TlsClient } from '../../src/demo/tls-client.ts'
import { TlsServer } from '../../src/demo/tls-server.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import {
  startTunnellingSidecar,
  startTunnelProxy,
  TUNNELS,
  tunnelListener,
} from '../helpers/tunnel-envoys.ts'
import { until } from '../helpers/until.ts'

const IDENTITY = {
  cluster: 'prod',
  namespace: 'shop',
  workload: 'checkout',
  kind: 'Deployment',
  pod: 'checkout-1',
  ip: '10.1.2.3',
}
/** Bytes of each exchange of a connection, up and down: none at all, small, large, one way. */
const EXCHANGES = [
  [],
  [[1, 1]],
  [[60_000, 300_000]],
  [[0, 200_000]],
  [
    [50_000, 0],
    [7, 100_000],
  ],
]
/** A TLS 1.3 record with an alert. */
const CLOSE_NOTIFY = 24n

for (const version of ENVOY_VERSIONS) {
  it(`Envoy ${version}: a tunnel through a proxy is billed as the server's sockets count it`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const server = new TlsServer()
    const serverPort = await server.start()
    t.after(() => server.stop())
    const db = databaseIn(temporaryFolder(t))
    const serve = await startServe(t, { db })
    const { envoy: proxy, port } = await startTunnelProxy(binary, serverPort)
    t.after(() => proxy.stop())
    const sidecar = await startTunnellingSidecar(binary, port, {
      identity: IDENTITY,
      alsPort: serve.alsPort,
      serverPort,
      flushIntervalMs: 50,
    })
    t.after(() => sidecar.stop())

    const names: string[] = []
    await Promise.all(
      TUNNELS.flatMap((tunnel) =>
        EXCHANGES.map(async (exchanges, index) => {
          const sni = `${tunnel.method.toLowerCase()}-h${tunnel.http}-${index}.example.com`
          names.push(sni)
          const client = new TlsClient({ port: sidecar.portOf(tunnelListener(tunnel)), sni })
          for (const [upload = 0, download = 0] of exchanges) {
            await client.exchange({ upload, download })
            // Longer than a flush: periodic entries see it open.
            await sleep(120)
          }
          // Its answer says that the server has read all before it.
          await client.exchange({ upload: 0, download: 1 })
          // Half-closed tunnels behave differently in every release; a reset ends them all.
          await client.abort()
        }),
      ),
    )
    await until('every connection is closed in the file', () => {
      const [row] = select(db, "SELECT count(*) AS n FROM connections WHERE state = 'closed'")
      return row?.['n'] === BigInt(names.length)
    })
    await until('the server has seen every close', () =>
      server.connections.every(({ closed }) => closed),
    )
    const rows = select(
      db,
      'SELECT sni, upload_bytes AS upload, download_bytes AS download FROM sni_totals',
    )
    const billed = new Map(rows.map(({ sni, upload, download }) => [sni, { upload, download }]))
    assert.deepEqual(new Set(billed.keys()), new Set(names))
    for (const { sni, received, sent } of server.connections) {
      const { upload, download } = billed.get(sni) ?? {}
      assert.equal(upload, BigInt(received), `upload of ${sni}`)
      // The server says goodbye to a connection that is gone already.
      const goodbye = BigInt(sent) - (download as bigint)
      assert.ok(goodbye === 0n || goodbye === CLOSE_NOTIFY, `download of ${sni}: ${goodbye} less`)
    }
  })
}
