import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { defaultConfig } from '../src/config/load.ts'
import type { Config } from '../src/config.ts'
import { Pipeline } from '../src/pipeline.ts'
import { Writer } from '../src/store/writer.ts'
import {
  delimitedField,
  identifierField,
  identityFilterState,
  peerFilterState,
  tcpEntry,
  tcpMessage,
  textField,
} from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'
import { select } from './helpers/totals.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const GATEWAY_HOST = 'istio-egressgateway.istio-egress.svc.cluster.local'
const GATEWAY = identifierField({
  id: 'router~10.1.9.9~istio-egressgateway-7.istio-egress~istio-egress.svc.cluster.local',
  cluster: 'istio-egressgateway.istio-egress',
  metadata: {
    NAMESPACE: 'istio-egress',
    WORKLOAD_NAME: 'istio-egressgateway',
    OWNER: 'kubernetes://apis/apps/v1/namespaces/istio-egress/deployments/istio-egressgateway',
    NAME: 'istio-egressgateway-7',
  },
  envoy: [1, 40, 0],
})

/** One connection of the app: as its sidecar tells it, and as the gateway does. */
const SIDECARS_WORD = tcpEntry({
  streamId: '00000000-0000-4000-8000-000000000001',
  type: 3,
  sni: 'a.example',
  upstreamCluster: `outbound|443||${GATEWAY_HOST}`,
  startMs: NOON,
  upload: 100,
  download: 900,
})
const GATEWAYS_WORD = tcpEntry({
  streamId: '00000000-0000-4000-8000-000000000002',
  type: 3,
  sni: 'a.example',
  upstreamCluster: 'outbound|443||*.example',
  startMs: NOON,
  upload: 100,
  download: 900,
})

interface Saying {
  readonly identifier: Buffer
  readonly entry: Buffer
}
const SIDECAR_SAYS: Saying = { identifier: SHOP_SIDECAR, entry: SIDECARS_WORD }
const GATEWAY_SAYS: Saying = { identifier: GATEWAY, entry: GATEWAYS_WORD }

const WAYPOINT = identifierField({
  id: 'waypoint~10.1.9.8~waypoint-3.istio-egress~istio-egress.svc.cluster.local',
  cluster: 'waypoint.istio-egress',
  metadata: { NAMESPACE: 'istio-egress', WORKLOAD_NAME: 'waypoint', CLUSTER_ID: 'c1' },
  envoy: [1, 40, 0],
})

/** What a waypoint says of a connection, with these encoded fields about its peer. */
const waypointSays = (...extra: Buffer[]): Saying => ({
  identifier: WAYPOINT,
  entry: tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000003',
    type: 3,
    sni: 'a.example',
    upstreamCluster: 'inbound-vip|443|tcp|*.example',
    startMs: NOON,
    upload: 100,
    download: 900,
    extra,
  }),
})

/** A process over a file that hears, commits and ends. */
function run(path: string, gateways: Partial<Config['gateways']>, says: readonly Saying[]): void {
  const defaults = defaultConfig()
  const config = { ...defaults, gateways: { ...defaults.gateways, ...gateways } }
  const writer = new Writer({
    path,
    windowSeconds: 60,
    changeWindows: true,
    retention: config.store.retention,
  })
  const pipeline = new Pipeline(config, writer.open(NOON))
  pipeline.restore(writer.loadOpen(1000), [], NOON)
  for (const { identifier, entry } of says) {
    pipeline.message(pipeline.openStream(), tcpMessage([entry], identifier), NOON + 1000)
  }
  const keys = pipeline.held.takeQuestions()
  if (keys.length > 0) pipeline.answer(keys, writer.find(keys))
  writer.apply(pipeline.cut())
  writer.close()
}

function newFile(t: TestContext): string {
  return join(temporaryFolder(t), 'file.db')
}

function billed(path: string): unknown {
  return select(
    path,
    'SELECT workload, sni, upload_bytes + download_bytes AS bytes, connections FROM workload_sni_totals',
  ).map((row) => Object.values(row).join(' '))
}

function hops(path: string): unknown {
  return select(path, 'SELECT workload, hop_bytes FROM coverage WHERE hop_bytes > 0').map((row) =>
    Object.values(row).join(' '),
  )
}

const AT_GATEWAY: Config['gateways'] = { billAt: 'gateway', hosts: [GATEWAY_HOST] }

describe('a byte that passes a sidecar and a gateway', () => {
  for (const order of [
    [SIDECAR_SAYS, GATEWAY_SAYS],
    [GATEWAY_SAYS, SIDECAR_SAYS],
  ]) {
    const first = order[0] === SIDECAR_SAYS ? 'the sidecar' : 'the gateway'
    it(`is billed at the sidecar by default, when ${first} speaks first`, (t) => {
      const path = newFile(t)
      run(path, {}, order)
      assert.deepEqual(billed(path), ['shop a.example 1000 1'])
      assert.deepEqual(hops(path), ['istio-egressgateway 1000'])
    })

    it(`is billed at the gateway where the config says so, when ${first} speaks first`, (t) => {
      const path = newFile(t)
      run(path, AT_GATEWAY, order)
      assert.deepEqual(billed(path), ['istio-egressgateway a.example 1000 1'])
      assert.deepEqual(hops(path), ['shop 1000'])
    })
  }

  it('is billed to the service account that the gateway’s TLS has verified', (t) => {
    const path = newFile(t)
    const uri = delimitedField(1, textField(1, 'spiffe://cluster.local/ns/shop/sa/checkout-sa'))
    const entry = tcpEntry({
      streamId: '00000000-0000-4000-8000-000000000002',
      type: 3,
      sni: 'a.example',
      tls: [delimitedField(5, uri)],
      startMs: NOON,
      upload: 100,
    })
    run(path, AT_GATEWAY, [{ identifier: GATEWAY, entry }])
    assert.deepEqual(billed(path), ['checkout-sa a.example 100 1'])
  })

  it('is neither billed nor a hop again after a restart, though all is said again', (t) => {
    const path = newFile(t)
    run(path, {}, [SIDECAR_SAYS, GATEWAY_SAYS])
    run(path, {}, [GATEWAY_SAYS, SIDECAR_SAYS])
    assert.deepEqual(billed(path), ['shop a.example 1000 1'])
    assert.deepEqual(hops(path), ['istio-egressgateway 1000'])
  })

  it('stays where it was billed when the config changes', (t) => {
    const path = newFile(t)
    run(path, {}, [SIDECAR_SAYS, GATEWAY_SAYS])
    run(path, AT_GATEWAY, [SIDECAR_SAYS, GATEWAY_SAYS])
    assert.deepEqual(billed(path), ['shop a.example 1000 1'])
    assert.deepEqual(hops(path), ['istio-egressgateway 1000'])
  })

  it('makes a hop visible among the connections', (t) => {
    const path = newFile(t)
    run(path, {}, [SIDECAR_SAYS, GATEWAY_SAYS])
    assert.deepEqual(
      select(path, 'SELECT pod, hop FROM connections ORDER BY hop').map((row) => ({ ...row })),
      [
        { pod: 'shop-1', hop: 0n },
        { pod: 'istio-egressgateway-7', hop: 1n },
      ],
    )
  })
})

describe('a byte that passes a waypoint', () => {
  const sources = (path: string) =>
    select(
      path,
      'SELECT cluster, namespace, workload_kind, workload, upload_bytes FROM workload_totals',
    ).map((row) => Object.values(row).join(' '))
  const principal = identityFilterState('spiffe://cluster.local/ns/shop/sa/checkout-sa')

  it('is billed to the workload that opened the connection', (t) => {
    const path = newFile(t)
    const peer = peerFilterState({ namespace: 'shop', workload: 'checkout', type: 'deployment' })
    run(path, {}, [waypointSays(principal, peer)])
    assert.deepEqual(sources(path), ['c1 shop Deployment checkout 100'])
  })

  it('is billed to its service account where only that is known', (t) => {
    const path = newFile(t)
    run(path, {}, [waypointSays(principal)])
    assert.deepEqual(sources(path), ['c1 shop ServiceAccount checkout-sa 100'])
  })

  it('is billed to the waypoint, marked as one, where nothing is known', (t) => {
    const path = newFile(t)
    run(path, {}, [waypointSays()])
    assert.deepEqual(sources(path), ['c1 istio-egress Waypoint waypoint 100'])
  })
})
