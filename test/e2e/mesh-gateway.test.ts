import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { it, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { envoyConfig, OUTBOUND_LISTENER } from '../../src/demo/envoy-config.ts'
import { type EnvoyProcess, startBootstrap } from '../../src/demo/envoy-process.ts'
import { type MadeCertificate, makeCertificate } from '../helpers/certificates.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const GATEWAY_HOST = 'istio-egressgateway.istio-egress.svc.cluster.local'
const IDENTITY = {
  cluster: 'prod',
  namespace: 'istio-egress',
  workload: 'egress',
  kind: 'Deployment',
  pod: 'egress-1',
  ip: '10.1.9.9',
}
const EXACT = 'api.vendor.example'
const WILDCARD = '*.vendor.example'
/** What a sidecar sends as SNI of the mesh's mutual TLS, the gateway's cluster, and the right name. */
const CASES: readonly (readonly [sni: string, cluster: string, name: string, source: string])[] = [
  [`outbound_.443_._.${GATEWAY_HOST}`, EXACT, EXACT, 'cluster'],
  [`outbound_.443_.v1_.${GATEWAY_HOST}`, EXACT, EXACT, 'cluster'],
  ['egress.mesh.example', EXACT, EXACT, 'cluster'],
  ['outbound_.443_._.b.vendor.example', WILDCARD, 'b.vendor.example', 'cluster'],
  ['c.vendor.example', WILDCARD, 'c.vendor.example', 'sni'],
  [`outbound_.443_.v2_.${GATEWAY_HOST}`, WILDCARD, '127.0.0.1', 'address'],
]

interface Chain {
  readonly filter_chain_match: { readonly server_names: readonly string[] }
}

interface Bootstrap {
  readonly node: { readonly id: string }
  readonly static_resources: {
    readonly listeners: readonly { readonly filter_chains: readonly Chain[] }[]
  }
}

/** An egress gateway that ends the mesh's mutual TLS, and the authority of its clients. */
async function startGateway(
  binary: string,
  alsPort: number,
  port: number,
  authority: MadeCertificate,
): Promise<EnvoyProcess> {
  const config = envoyConfig({
    identity: IDENTITY,
    alsPort,
    hosts: [
      { host: EXACT, port },
      { host: WILDCARD, port },
    ],
    passthroughPort: port,
    flushIntervalMs: 1000,
  }) as Bootstrap
  const [listener] = config.static_resources.listeners
  const own = makeCertificate({ commonName: 'gateway', issuer: authority })
  const inline = (text: string) => ({ inline_string: text })
  const transport_socket = {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: inline(own.cert), private_key: inline(own.key) }],
        validation_context: { trusted_ca: inline(authority.cert) },
      },
    },
  }
  const filter_chains = listener?.filter_chains.map((chain) => {
    const [host] = chain.filter_chain_match.server_names
    const server_names = CASES.filter(([, cluster]) => cluster === host).map(([sni]) => sni)
    return { ...chain, filter_chain_match: { server_names }, transport_socket }
  })
  return startBootstrap(binary, {
    ...config,
    node: { ...config.node, id: config.node.id.replace('sidecar~', 'router~') },
    static_resources: {
      ...config.static_resources,
      listeners: [{ ...listener, filter_chains }],
    },
  })
}

/** A TCP server that answers and ends; resolves with its port. */
async function startServer(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('answer'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

for (const version of ENVOY_VERSIONS) {
  it(`Envoy ${version}: a gateway on the mesh's own TLS bills where the bytes go`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const db = databaseIn(temporaryFolder(t))
    const serve = await startServe(t, {
      db,
      env: { SNIMETER_GATEWAYS_BILL_AT: 'gateway', SNIMETER_GATEWAYS_HOSTS: GATEWAY_HOST },
    })
    const authority = makeCertificate({ commonName: 'mesh', isAuthority: true })
    const port = await startServer(t)
    const gateway = await startGateway(binary, serve.alsPort, port, authority)
    t.after(() => gateway.stop())
    const { cert, key } = makeCertificate({
      commonName: 'checkout',
      issuer: authority,
      uris: ['spiffe://cluster.local/ns/shop/sa/checkout'],
    })
    await Promise.all(
      CASES.map(async ([servername], i) => {
        const options = { port: gateway.portOf(OUTBOUND_LISTENER), host: '127.0.0.1', cert, key }
        const socket = connect({ ...options, servername, rejectUnauthorized: false })
        socket.on('error', () => undefined)
        socket.end('x'.repeat(10 ** i))
        socket.resume()
        await new Promise((resolve) => socket.once('close', resolve))
      }),
    )
    await until('every connection is closed in the file', () => {
      const [row] = select(db, "SELECT count(*) AS n FROM connections WHERE state = 'closed'")
      return row?.['n'] === BigInt(CASES.length)
    })
    const rows = select(
      db,
      'SELECT workload_kind, workload, sni, name_source, upload_bytes FROM connections ORDER BY upload_bytes',
    )
    assert.deepEqual(
      rows.map((row) => Object.values(row).join(' ')),
      CASES.map(([, , name, source], i) => `ServiceAccount checkout ${name} ${source} ${10 ** i}`),
    )
  })
}
