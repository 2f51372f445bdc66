import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { defaultConfig } from '../../src/config/load.ts'
import {
  delimitedField,
  EntryType,
  identifierField,
  type TcpEntry,
  tcpEntry,
  tcpMessage,
  textField,
} from '../helpers/entry-writer.ts'
import { ReplayedFile } from '../helpers/replayed-file.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const GATEWAY_HOST = 'istio-egressgateway.istio-egress.svc.cluster.local'
const GATEWAY = identifierField({
  id: 'router~10.1.9.9~egress-7.istio-egress~istio-egress.svc.cluster.local',
  cluster: 'egress.istio-egress',
  metadata: { NAMESPACE: 'istio-egress', WORKLOAD_NAME: 'egress' },
  envoy: [1, 40, 0],
})
const UPSTREAM = { ip: '203.0.113.10', port: 443 }
/** The certificate of a sidecar, as the gateway that verified it logs it. */
const SIDECARS_CERTIFICATE = delimitedField(
  5,
  delimitedField(1, textField(1, 'spiffe://cluster.local/ns/shop/sa/checkout')),
)

type Names = Pick<TcpEntry, 'sni' | 'upstreamCluster' | 'upstreamRemote' | 'tls'>

/** `source name` that each entry of the gateway is billed to, with `gateways.bill_at: gateway`. */
async function billed(t: TestContext, entries: readonly Names[], node = GATEWAY) {
  const config = defaultConfig()
  const gateways = { ...config.gateways, billAt: 'gateway', hosts: [GATEWAY_HOST] } as const
  const file = new ReplayedFile(t, { ...config, gateways })
  const messages = entries.map((names, i) => {
    const streamId = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    const type = EntryType.tcpConnectionEnd
    const entry = tcpEntry({ ...names, streamId, type, startMs: NOON, upload: 2 ** i })
    return { ms: NOON + 1000, message: tcpMessage([entry], node) }
  })
  await file.replay(messages)
  const rows = file.rows(
    'SELECT name_source, sni, upload_bytes FROM connections ORDER BY connection_id',
  )
  return (rows as [string, string, number][]).map(([source, name, bytes], i) => {
    assert.equal(bytes, 2 ** i)
    return `${source} ${name}`
  })
}

// Istio's sidecars send a cluster's name as the SNI of their own mutual TLS: the gateway's bytes were
// billed to `outbound_.443_._.host`.
describe('the mesh’s own SNI', () => {
  it('is never a destination: that is the cluster’s exact host, else the host in it', async (t) => {
    const own = (host: string) => `outbound_.443_.${host}`
    const cases: [names: Names, right: string][] = [
      [
        { sni: own(`_.${GATEWAY_HOST}`), upstreamCluster: 'outbound|443||api.vendor.example' },
        'cluster api.vendor.example',
      ],
      [
        { sni: own('_.api.vendor.example'), upstreamCluster: 'outbound|443||*.vendor.example' },
        'cluster api.vendor.example',
      ],
      [
        { sni: own('_.a.example'), upstreamCluster: 'outbound|443||b.example' },
        'cluster b.example',
      ],
      [{ sni: own('v1_.api.vendor.example') }, 'cluster api.vendor.example'],
      [{ sni: 'OutBound_.8443_.V1_.API.Vendor.example.' }, 'cluster api.vendor.example'],
      [{ sni: 'inbound_.80_._.web.shop.svc.cluster.local' }, 'cluster web.shop.svc.cluster.local'],
      [{ sni: 'outbound_.80_._.httpbin.bar.global' }, 'cluster httpbin.bar.global'],
      // Gateways that pass TLS through have clusters of that name.
      [
        { sni: own('_.x.example'), upstreamCluster: 'outbound_.443_._.x.example' },
        'cluster x.example',
      ],
      [{ upstreamCluster: 'outbound_.443_.v1_.x.example' }, 'cluster x.example'],
      [{ sni: '192.0.2.7', upstreamCluster: 'outbound_.443_._.x.example' }, 'cluster x.example'],
      [
        { sni: own('_.a.example'), upstreamCluster: 'outbound_.443_._.x.example' },
        'cluster x.example',
      ],
    ]
    assert.deepEqual(
      await billed(
        t,
        cases.map(([names]) => names),
      ),
      cases.map(([, right]) => right),
    )
  })

  it('that names a gateway or a wildcard leaves the address', async (t) => {
    const snis = [
      `outbound_.443_._.${GATEWAY_HOST}`,
      'outbound_.443_._.*.vendor.example',
      'outbound_.443_._.*',
      GATEWAY_HOST,
    ]
    const entries = snis.map((sni) => ({ sni, upstreamRemote: UPSTREAM }))
    assert.deepEqual(await billed(t, [...entries, { sni: snis[1] ?? '' }]), [
      ...snis.map(() => 'address 203.0.113.10'),
      'none ',
    ])
  })

  it('that is malformed is no name', async (t) => {
    const snis = [
      ['outbound_.443_.', 'outbound_.443_._.', 'outbound_.https_._.a.example'],
      ['outbound_.443_._.__other__', 'outbound_.443_.a_.b_.c.example', 'outbound_.443_._.a b'],
    ].flat()
    const upstreamCluster = 'outbound|443||api.vendor.example'
    assert.deepEqual(
      await billed(t, [
        ...snis.map((sni) => ({ sni })),
        ...snis.map((sni) => ({ sni, upstreamCluster })),
      ]),
      [...snis.map(() => 'sni __invalid__'), ...snis.map(() => 'cluster api.vendor.example')],
    )
  })

  it('is told from names that only look like it', async (t) => {
    const snis = ['outbound.example', 'outbound_smtp.example', 'xoutbound_.443_._.a.example']
    assert.deepEqual(
      await billed(
        t,
        snis.map((sni) => ({ sni })),
      ),
      snis.map((sni) => `sni ${sni}`),
    )
  })
})

describe('a DestinationRule’s sni', () => {
  const upstreamCluster = 'outbound|443||api.vendor.example'
  const tls = [SIDECARS_CERTIFICATE]

  it('on the mesh’s mutual TLS comes after the exact host of the cluster', async (t) => {
    const cases: Names[] = [
      { sni: 'egress.mesh.example', upstreamCluster, tls },
      { sni: 'egress.mesh.example', upstreamCluster: 'outbound|443||*.vendor.example', tls },
      { sni: 'api.vendor.example', upstreamCluster, tls },
    ]
    assert.deepEqual(await billed(t, cases), [
      'cluster api.vendor.example',
      'sni egress.mesh.example',
      'cluster api.vendor.example',
    ])
  })

  it('is the app’s own on a session that passes through: a wildcard’s name served by one host', async (t) => {
    const cases: Names[] = [{ sni: 'de.wikipedia.example', upstreamCluster }]
    assert.deepEqual(await billed(t, cases), ['sni de.wikipedia.example'])
    assert.deepEqual(await billed(t, cases, SHOP_SIDECAR), ['sni de.wikipedia.example'])
  })
})
