import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import type { EnvoyIdentity } from '../../src/demo/envoy-config.ts'
import type { EnvoyProcess } from '../../src/demo/envoy-process.ts'
import { TlsClient } from '../../src/demo/tls-client.ts'
import { TlsServer } from '../../src/demo/tls-server.ts'
import { WILDCARD_HOSTS } from '../../src/istio/mesh-config/expression.ts'
import { VARIANTS } from '../../src/istio/mesh-config/variants.ts'
import { runCommand } from '../helpers/command.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import { type GoldenOptions, startGolden } from '../helpers/golden-envoy.ts'
import { startHttpOrigin } from '../helpers/http-origin.ts'
import { databaseIn, type ServeProcess, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import {
  select,
  TotalsBuilder,
  totalsByWorkloadAndName,
  workloadAndName,
} from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'
import { asked } from '../istio/mesh-config/ask.ts'

const HOST = 'oss-cn-shanghai.aliyuncs.com'
const INTERNAL = 'oss-cn-shanghai-internal.aliyuncs.com'
const GATEWAY_HOST = 'istio-egressgateway.istio-egress.svc.cluster.local'
const GATEWAY_CLUSTER = `outbound|443||${GATEWAY_HOST}`
const PASSTHROUGH = 'PassthroughCluster'

const SHOP = identity('shop', 'checkout', 'checkout-1')
const GATEWAY = identity('istio-egress', 'istio-egressgateway', 'istio-egressgateway-1')

function identity(namespace: string, workload: string, pod: string): EnvoyIdentity {
  return { cluster: 'prod', namespace, workload, kind: 'Deployment', pod, ip: '10.1.2.3' }
}

/** The expressions that the product ships for exact hosts, by the providers' names. */
function exactHostExpressions(): Record<string, string> {
  const sections = VARIANTS['exact-host'].sections(
    asked({ variant: ['exact-host'], host: [HOST, `*.${HOST}`] }),
  )
  const logging = sections.find(({ object }) => object.metadata.name === 'mesh-default')?.object
    .spec?.['accessLogging'] as {
    providers: { name: string }[]
    filter: { expression: string }
  }[]
  return Object.fromEntries(
    logging.map(({ providers, filter }) => [providers[0]?.name ?? '', filter.expression]),
  )
}

/** A receiver, an internet, and Envoys with golden listeners; all gone after the test. */
class Scene {
  readonly db: string
  readonly serve: ServeProcess
  readonly server: TlsServer
  readonly #t: TestContext
  readonly #binary: string
  readonly #port: number

  private constructor(
    t: TestContext,
    binary: string,
    server: TlsServer,
    port: number,
    db: string,
    serve: ServeProcess,
  ) {
    this.#t = t
    this.#binary = binary
    this.server = server
    this.#port = port
    this.db = db
    this.serve = serve
  }

  /** Undefined, with the test skipped, where there is no Envoy. */
  static async open(
    t: TestContext,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Scene | undefined> {
    const binary = await realEnvoy(t, ENVOY_VERSIONS[0])
    if (binary === undefined) return undefined
    const server = new TlsServer()
    const port = await server.start()
    t.after(() => server.stop())
    const db = databaseIn(temporaryFolder(t))
    return new Scene(t, binary, server, port, db, await startServe(t, { db, env }))
  }

  /** An Envoy whose clusters lead to the server, but for those named. */
  async envoy(
    golden: string,
    clusters: readonly string[],
    options: Partial<GoldenOptions> = {},
  ): Promise<EnvoyProcess> {
    const upstreams = Object.fromEntries(clusters.map((name) => [name, this.#port]))
    const envoy = await startGolden({
      binary: this.#binary,
      golden,
      identity: SHOP,
      alsPort: this.serve.alsPort,
      ...options,
      upstreams: { ...upstreams, ...options.upstreams },
    })
    this.#t.after(() => envoy.stop())
    return envoy
  }

  /** Waits until so many connections have closed in the file, hops included. */
  async closed(count: number): Promise<void> {
    await until(`${count} connections are closed in the file`, () => {
      const [row] = select(this.db, 'SELECT sum(connections_closed) AS closed FROM coverage')
      return row?.['closed'] === BigInt(count)
    })
  }

  /** What the server's sockets saw, by workload and name. */
  served(of: (name: string) => boolean = () => true, owner: EnvoyIdentity = SHOP): object {
    const builder = new TotalsBuilder()
    for (const { sni, received, sent } of this.server.connections) {
      const key = workloadAndName(owner.namespace, owner.workload, sni)
      if (of(sni)) builder.add(key, received, sent)
    }
    return builder.totals
  }

  hopBytes(): Record<string, unknown> {
    const rows = select(
      this.db,
      'SELECT workload, sum(hop_bytes) AS bytes FROM coverage GROUP BY workload HAVING bytes > 0',
    )
    return Object.fromEntries(rows.map((row) => [String(row['workload']), row['bytes']]))
  }
}

/** Several exchanges on one connection, ended in an orderly way. */
async function talk(port: number, sni: string, upload = 20_000, download = 70_000): Promise<void> {
  const client = new TlsClient({ port, sni })
  await client.exchange({ upload, download })
  await client.exchange({ upload: 10, download: 100 })
  await client.end()
}

describe('with listeners that Istio generates, in a real Envoy', () => {
  for (const golden of ['sidecar', 'envoyfilter-only']) {
    it(`${golden}: wildcard hosts are billed by SNI, and nothing else is reported`, async (t) => {
      const scene = await Scene.open(t)
      if (scene === undefined) return
      const envoy = await scene.envoy(golden, [
        `outbound|443||*.${HOST}`,
        `outbound|443||*.${INTERNAL}`,
        PASSTHROUGH,
      ])
      const names = [`photos.${HOST}`, `logs.${HOST}`, `a.b.${INTERNAL}`]
      await Promise.all([
        ...names.map((name) => talk(envoy.port, name)),
        talk(envoy.port, names[0] ?? '', 500_000, 3),
        talk(envoy.port, 'updates.example.org'),
      ])
      await scene.closed(4)
      assert.deepEqual(
        totalsByWorkloadAndName(scene.db),
        scene.served((name) => name !== 'updates.example.org'),
      )
    })
  }

  it('vip: no SNI is seen, and the name is the cluster’s', async (t) => {
    const scene = await Scene.open(t)
    if (scene === undefined) return
    const envoy = await scene.envoy('vip', [`outbound|443||${HOST}`], {
      expressions: exactHostExpressions(),
    })
    await talk(envoy.portOf('240.240.0.1_443'), HOST)
    await scene.closed(1)
    assert.deepEqual(totalsByWorkloadAndName(scene.db), scene.served())
    assert.deepEqual(select(scene.db, 'SELECT DISTINCT sni, name_source FROM usage'), [
      { sni: HOST, name_source: 'cluster' },
    ])
  })

  it('exact host: its own TLS by SNI, and requests that the sidecar encrypts by their name', async (t) => {
    const origin = await startHttpOrigin()
    t.after(() => origin.stop())
    const scene = await Scene.open(t)
    if (scene === undefined) return
    const envoy = await scene.envoy(
      'exact-host-http',
      [`outbound|443||*.${HOST}`, `outbound|443||${HOST}`, PASSTHROUGH],
      { upstreams: { [`outbound|80||${HOST}`]: origin.port }, expressions: exactHostExpressions() },
    )
    await Promise.all([talk(envoy.port, HOST), talk(envoy.port, `photos.${HOST}`)])
    for (const [upload, download] of [
      [0, 10],
      [30_000, 200_000],
      [7, 0],
    ] as const) {
      await post(envoy.portOf('0.0.0.0_80'), upload, download)
    }
    await scene.closed(5)
    const { received, sent, requests } = origin.counted
    assert.equal(requests, 3)
    const expected = new TotalsBuilder()
    for (const connection of scene.server.connections) {
      const key = workloadAndName('shop', 'checkout', connection.sni)
      expected.add(key, connection.received, connection.sent)
    }
    // HTTP counters are the bytes before the sidecar's own TLS.
    expected.add(workloadAndName('shop', 'checkout', HOST), received, sent, 3)
    assert.deepEqual(totalsByWorkloadAndName(scene.db), expected.totals)
  })

  for (const billAt of ['sidecar', 'gateway'] as const) {
    it(`egress gateway: every byte is billed once, at the ${billAt}`, async (t) => {
      const scene = await Scene.open(t, {
        SNIMETER_GATEWAYS_BILL_AT: billAt,
        SNIMETER_GATEWAYS_HOSTS: GATEWAY_HOST,
      })
      if (scene === undefined) return
      const gateway = await scene.envoy('egress-gateway-router', [`outbound|443||*.${HOST}`], {
        identity: GATEWAY,
        proxyType: 'router',
      })
      const sidecar = await scene.envoy('egress-gateway-sidecar', [PASSTHROUGH], {
        upstreams: { [GATEWAY_CLUSTER]: gateway.portOf('0.0.0.0_8443') },
      })
      const names = [`photos.${HOST}`, `logs.${HOST}`]
      await Promise.all(names.map((name) => talk(sidecar.port, name)))
      await scene.closed(4)
      const [billed, hop] = billAt === 'sidecar' ? [SHOP, GATEWAY] : [GATEWAY, SHOP]
      assert.deepEqual(totalsByWorkloadAndName(scene.db), scene.served(undefined, billed))
      const bytes = scene.server.connections.reduce(
        (sum, seen) => sum + seen.received + seen.sent,
        0,
      )
      assert.deepEqual(scene.hopBytes(), { [hop.workload]: BigInt(bytes) })
      const { code, stderr } = await runCommand(['doctor', 'live', '--url', scene.serve.httpUrl])
      assert.equal(code, 0, stderr)
    })
  }

  it('egress gateway whose sidecars’ filter hides the bytes: doctor live says so', async (t) => {
    const scene = await Scene.open(t)
    if (scene === undefined) return
    const gateway = await scene.envoy('egress-gateway-router', [`outbound|443||*.${HOST}`], {
      identity: GATEWAY,
      proxyType: 'router',
    })
    // The sidecar's cluster is the gateway's: no `|*.` in it.
    const sidecar = await scene.envoy('egress-gateway-sidecar', [PASSTHROUGH], {
      upstreams: { [GATEWAY_CLUSTER]: gateway.portOf('0.0.0.0_8443') },
      expressions: { snimeter: WILDCARD_HOSTS },
    })
    await talk(sidecar.port, `photos.${HOST}`)
    await scene.closed(1)
    assert.deepEqual(totalsByWorkloadAndName(scene.db), {})
    const doctor = () => runCommand(['doctor', 'live', '--url', scene.serve.httpUrl])
    // The sidecar has five seconds to tell the same end.
    await until('the doctor finds something', async () => (await doctor()).code !== 0)
    const { code, stdout } = await doctor()
    assert.match(stdout, new RegExp(`^error +name photos.${HOST}: .*\\[hop-hides-bytes\\]`))
    assert.equal(code, 1)
  })
})

/** One request through the sidecar, to the end of its response. */
function post(port: number, upload: number, download: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method: 'POST', path: `/${download}` }
    const sent = request({ ...options, headers: { host: HOST } }, (response) => {
      assert.equal(response.statusCode, 200)
      response.resume().on('end', resolve)
    })
    sent.on('error', reject)
    sent.end(Buffer.alloc(upload, 'x'))
  })
}
