import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import { type KubeObject, readDocuments, yamlFiles } from '../helpers/kubernetes/documents.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const execute = promisify(execFile)
const RECEIVER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'
const ANY = 'type.googleapis.com/envoy.extensions'

const objects = yamlFiles('istio').flatMap(readDocuments)

/** What Envoy runs after the merge: the tcp_proxy that istiod makes, and the patch's fields. */
const patched = objects
  .filter(({ kind }) => kind === 'EnvoyFilter')
  .flatMap(({ spec }) => spec.configPatches as { patch: { value: { typed_config: object } } }[])
  .map(({ patch }) => patch.value.typed_config)

/** What istiod makes of a Telemetry's entry for the provider; the expression is copied as it is. */
const logs = objects
  .filter(({ kind }) => kind === 'Telemetry')
  .flatMap(({ spec }: KubeObject) => spec.accessLogging as { filter?: { expression: string } }[])
  .flatMap(({ filter }) => (filter === undefined ? [] : [accessLog(filter.expression)]))

function accessLog(expression: string): object {
  const CEL = `${ANY}.access_loggers.filters.cel.v3.ExpressionFilter`
  return {
    name: 'envoy.tcp_grpc_access_log',
    filter: {
      extension_filter: {
        name: 'envoy.access_loggers.extension_filters.cel',
        typed_config: { '@type': CEL, expression },
      },
    },
    typed_config: {
      '@type': `${ANY}.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`,
      common_config: {
        log_name: 'snimeter',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: RECEIVER } },
      },
    },
  }
}

function tcpProxy(fields: object): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${ANY}.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'outbound',
      cluster: 'outbound',
      ...fields,
    },
  }
}

function bootstrap(proxies: readonly object[]): object {
  const listener = (filter: object, index: number): object => ({
    name: `listener-${index}`,
    address: { socket_address: { address: '127.0.0.1', port_value: 20_000 + index } },
    filter_chains: [{ filters: [filter] }],
  })
  const cluster = (name: string): object => ({ name, type: 'STATIC', connect_timeout: '1s' })
  return {
    static_resources: {
      listeners: proxies.map(listener),
      clusters: [cluster('outbound'), cluster(RECEIVER)],
    },
  }
}

/** Envoy's own words against a configuration; it opens no port. */
async function refusal(envoy: string, file: string, proxies: readonly object[]): Promise<string> {
  writeFileSync(file, JSON.stringify(bootstrap(proxies)))
  const args = '--mode validate --disable-hot-restart --log-level critical -c'.split(' ')
  return execute(envoy, [...args, file]).then(
    () => '',
    // Protobuf strews spaces into its messages, so that nobody relies on them.
    (error: { stderr: string }) => error.stderr.replaceAll(/ +/g, ' '),
  )
}

for (const version of ENVOY_VERSIONS) {
  test(`Envoy ${version} takes every patch and expression, and refuses spoilt ones`, async (t) => {
    const envoy = await realEnvoy(t, version)
    if (envoy === undefined) return
    const file = join(temporaryFolder(t), 'envoy.json')
    assert.ok(patched.length > 6 && logs.length > 6)
    const proxies = [
      ...patched.map(tcpProxy),
      ...logs.map((log) => tcpProxy({ access_log: [log] })),
    ]
    assert.equal(await refusal(envoy, file, proxies), '')
    const seeded: readonly [fields: object, words: RegExp][] = [
      [{ access_log_option: {} }, /no such field: 'access_log_option'/],
      [{ access_log: [accessLog("xds.cluster_name.contains('|*.'")] }, /CEL|parse|Syntax/i],
      // An older patch of somebody else beside ours.
      [{ ...patched[0], access_log_flush_interval: '5s' }, /Only one of access_log_flush_interval/],
    ]
    for (const [fields, words] of seeded) {
      assert.match(await refusal(envoy, file, [tcpProxy(fields)]), words)
    }
  })
}
