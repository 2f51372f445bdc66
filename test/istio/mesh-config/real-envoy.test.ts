import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { startBootstrap } from '../../../src/demo/envoy-process.ts'
import type { VariantName } from '../../../src/istio/mesh-config/variant-names.ts'
import { VARIANTS } from '../../../src/istio/mesh-config/variants.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../../helpers/envoy.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'
import { asked } from './ask.ts'

const HOSTS: Readonly<Partial<Record<VariantName, readonly string[]>>> = {
  telemetry: ['*.x.test'],
  'exact-host': ['*.x.test', 'exact.test'],
  'unregistered-egress': ['*.x.test'],
  'egress-gateway': ['*.x.test'],
}

interface Log {
  readonly providers: readonly { readonly name: string }[]
  readonly filter: { readonly expression: string }
}

/** The expressions of a variant's mesh-wide Telemetry, by `variant/provider`. */
const EXPRESSIONS = Object.entries(HOSTS).flatMap(([variant, host]) => {
  const request = asked({ variant: [variant], host })
  const telemetry = VARIANTS[request.variant]
    .sections(request)
    .find(({ object }) => object.metadata.name === 'mesh-default')?.object.spec
  const logs = telemetry?.['accessLogging'] as readonly Log[]
  return logs.map(({ providers, filter }) => ({
    name: `${variant}/${providers[0]?.name}`,
    expression: filter.expression,
  }))
})

const WILDCARD = 'outbound|443||*.x.test'
const EXACT = 'outbound|443||exact.test'
const PASSTHROUGH = 'PassthroughCluster'
const GATEWAY = 'outbound|443||istio-egressgateway.istio-egress.svc.cluster.local'
const IN_MESH = 'outbound|443||web.shop.svc.cluster.local'
const ORIGINATED = 'outbound|80||exact.test'
const IN_MESH_HTTP = 'outbound|80||web.shop.svc.cluster.local'

/** What happens, and who logs it. SNI '' is TCP without TLS; HTTP goes by its host. */
const CASES: readonly { cluster: string; sni?: string; logged: readonly string[] }[] = [
  {
    cluster: WILDCARD,
    sni: 'a.x.test',
    logged: [
      'egress-gateway/snimeter',
      'exact-host/snimeter',
      'telemetry/snimeter',
      'unregistered-egress/snimeter',
    ],
  },
  { cluster: WILDCARD, sni: '', logged: [] },
  { cluster: EXACT, sni: 'exact.test', logged: ['exact-host/snimeter'] },
  // A virtual address: no server name, but the cluster says it.
  { cluster: EXACT, sni: '', logged: ['exact-host/snimeter'] },
  { cluster: PASSTHROUGH, sni: 'other.test', logged: ['unregistered-egress/snimeter'] },
  { cluster: PASSTHROUGH, sni: '', logged: [] },
  { cluster: GATEWAY, sni: 'b.x.test', logged: ['egress-gateway/snimeter'] },
  { cluster: GATEWAY, sni: 'x.test', logged: [] },
  { cluster: IN_MESH, sni: 'web.shop', logged: [] },
  { cluster: ORIGINATED, logged: ['exact-host/snimeter-http'] },
  { cluster: IN_MESH_HTTP, logged: [] },
]

const TYPE = 'type.googleapis.com/envoy'
const loopback = (port: number) => ({
  socket_address: { address: '127.0.0.1', port_value: port },
})

function accessLogs(cluster: string, path: string): object[] {
  const log = (name: string, sni: string) => ({
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: { text_format_source: { inline_string: `${cluster} ${sni} ${name}\n` } },
    },
  })
  const sni = '%REQUESTED_SERVER_NAME%'
  return [
    log('all', sni),
    ...EXPRESSIONS.map(({ name, expression }) => ({
      ...log(name, sni),
      filter: {
        extension_filter: {
          name: 'envoy.access_loggers.extension_filters.cel',
          typed_config: {
            '@type': `${TYPE}.extensions.access_loggers.filters.cel.v3.ExpressionFilter`,
            expression,
          },
        },
      },
    })),
  ]
}

/** A listener for each cluster, as pilot gives it every log, whatever kind of provider it is. */
function listener(cluster: string, path: string): object {
  const access_log = accessLogs(cluster, path)
  const tcp = {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'tcp',
      cluster,
      access_log,
    },
  }
  const http = {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'http',
      access_log,
      route_config: {
        virtual_hosts: [
          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] },
        ],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
        },
      ],
    },
  }
  return {
    name: cluster,
    traffic_direction: 'OUTBOUND',
    address: loopback(0),
    listener_filters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typed_config: {
          '@type': `${TYPE}.extensions.filters.listener.tls_inspector.v3.TlsInspector`,
        },
      },
    ],
    filter_chains: [{ filters: [cluster.startsWith('outbound|80|') ? http : tcp] }],
  }
}

/** Nothing listens behind the clusters: a connection that is refused is logged like any other. */
function bootstrap(path: string): object {
  const clusters = [...new Set(CASES.map(({ cluster }) => cluster))]
  return {
    admin: { address: loopback(0) },
    static_resources: {
      listeners: clusters.map((cluster) => listener(cluster, path)),
      clusters: clusters.map((name) => ({ name, type: 'STATIC', connect_timeout: '1s' })),
    },
  }
}

async function speak(port: number, sni: string | undefined): Promise<void> {
  if (sni === undefined) {
    const [response] = await once(get({ host: '127.0.0.1', port, agent: false }), 'response')
    response.resume()
    await once(response, 'close')
    return
  }
  const options = { host: '127.0.0.1', port }
  const socket =
    sni === ''
      ? connect(options, () => socket.write('hello'))
      : connectTls({ ...options, servername: sni })
  // Refused is all it can be; what counts is what is logged.
  socket.on('error', () => {})
  socket.resume()
  await new Promise((resolve) => socket.once('close', resolve))
}

for (const version of ENVOY_VERSIONS) {
  test(`Envoy ${version} logs by the printed expressions exactly what is meant`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const path = join(temporaryFolder(t), 'access.log')
    const envoy = await startBootstrap(binary, bootstrap(path))
    try {
      for (const { cluster, sni } of CASES) await speak(envoy.portOf(cluster), sni)
    } finally {
      // Writes what it has not written of the log.
      await envoy.stop()
    }
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').sort()
    const expected = CASES.flatMap(({ cluster, sni, logged }) =>
      ['all', ...logged].map((name) => `${cluster} ${sni || '-'} ${name}`),
    )
    assert.deepEqual(lines, expected.sort())
  })
}

const RECEIVER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'

/** A listener whose tcp_proxy is what the patch of a variant's EnvoyFilter says, and more. */
function patched(variant: VariantName, more: object = {}): object {
  const patches = VARIANTS[variant]
    .sections(asked({ variant: [variant] }))
    .flatMap(({ object }) => (object.spec?.['configPatches'] ?? []) as ConfigPatch[])
  assert.equal(patches.length, 1)
  const config = { ...patches[0]?.patch.value.typed_config, ...more }
  const tcp = { stat_prefix: WILDCARD, cluster: WILDCARD, ...config }
  return {
    admin: { address: loopback(0) },
    static_resources: {
      listeners: [
        {
          name: 'patched',
          address: loopback(0),
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcp }] },
          ],
        },
      ],
      clusters: [WILDCARD, RECEIVER].map((name) => ({ name, type: 'STATIC' })),
    },
  }
}

interface ConfigPatch {
  readonly patch: { readonly value: { readonly typed_config: object } }
}

for (const version of ENVOY_VERSIONS) {
  test(`Envoy ${version} takes the printed patches, and refuses a second spelling of the flush`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    for (const variant of ['telemetry', 'envoyfilter-only'] as const) {
      const envoy = await startBootstrap(binary, patched(variant))
      await envoy.stop()
    }
    await assert.rejects(
      startBootstrap(binary, patched('telemetry', { access_log_flush_interval: '30s' })),
      /Only one of access_log_flush_interval or access_log_options can be specified/,
    )
  })
}
