import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startBootstrap } from '../../../src/demo/envoy-process.ts'
import { type CommandResult, PROJECT, runCommand as snimeter } from '../../helpers/command.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../../helpers/envoy.ts'
import { freePort } from '../../helpers/free-port.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const GOLDEN = join(PROJECT, 'test/fixtures/doctor/proxies/sidecar.json')
const RECEIVER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

type Listener = Record<string, unknown> & { filter_chains: { filters: Filter[] }[] }
interface Filter {
  readonly typed_config: Record<string, unknown>
}

/** The listener that pilot makes, as Envoy gets it: by discovery. */
function goldenListener(): Listener {
  const dump = JSON.parse(readFileSync(GOLDEN, 'utf8')) as { listeners: [Listener] }
  return dump.listeners[0]
}

const cluster = (name: string, fields: object) => ({ name, connect_timeout: '1s', ...fields })
const wildcard = (host: string) =>
  cluster(`outbound|443||${host}`, { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' })

/** Of no interest to doctor; an Envoy that refused its only listener would never be ready. */
const OTHER_LISTENER = {
  name: 'other',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
            stat_prefix: 'other',
            cluster: RECEIVER,
          },
        },
      ],
    },
  ],
}

const bootstrap = (listeners: string, admin: number) => ({
  node: { id: 'sidecar~10.1.2.3~shop-0.shop~shop.svc.cluster.local', cluster: 'shop.shop' },
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: admin } } },
  dynamic_resources: { lds_config: { path_config_source: { path: listeners } } },
  static_resources: {
    listeners: [OTHER_LISTENER],
    clusters: [
      cluster(RECEIVER, {
        typed_extension_protocol_options: {
          [HTTP_OPTIONS]: {
            '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: { cluster_name: RECEIVER },
      }),
      wildcard('*.oss-cn-shanghai.aliyuncs.com'),
      wildcard('*.oss-cn-shanghai-internal.aliyuncs.com'),
    ],
  },
})

/** Doctor's answer about an Envoy that was given this listener. */
async function doctorOf(
  t: TestContext,
  binary: string,
  listener: Listener,
): Promise<CommandResult> {
  const file = join(temporaryFolder(t), 'listeners.json')
  const resource = { '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener', ...listener }
  writeFileSync(file, JSON.stringify({ resources: [resource] }))
  const admin = await freePort()
  const envoy = await startBootstrap(binary, bootstrap(file, admin))
  try {
    return await snimeter(['doctor', 'proxy', '--url', `http://127.0.0.1:${admin}`])
  } finally {
    await envoy.stop()
  }
}

for (const version of ENVOY_VERSIONS) {
  test(`Envoy ${version}: its own dump of the reference says the same as pilot's`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const ofEnvoy = await doctorOf(t, binary, goldenListener())
    const ofPilot = await snimeter(['doctor', 'proxy', '-f', GOLDEN])
    assert.deepEqual(ofEnvoy, ofPilot)
    assert.equal(ofEnvoy.code, 0)
  })

  test(`Envoy ${version}: a listener with both intervals was refused, and doctor says why`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const listener = goldenListener()
    for (const { typed_config: settings } of listener.filter_chains[0]?.filters ?? []) {
      settings['access_log_flush_interval'] = '5s'
    }
    const { code, stdout } = await doctorOf(t, binary, listener)
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^error {4}listener 0\.0\.0\.0_443: was refused by Envoy, .*Only one of access_log_flush_interval or access_log_options can be specified.* \[listener-refused\]$/m,
    )
  })
}
