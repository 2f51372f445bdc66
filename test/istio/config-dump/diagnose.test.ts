import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfigDump } from '../../../src/istio/config-dump/config-dump.ts'
import { diagnoseProxy, type ProxyOptions } from '../../../src/istio/config-dump/diagnose.ts'
import type { Finding } from '../../../src/istio/doctor/finding.ts'

const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures', 'doctor', 'proxies')

/** What pilot makes of the reference YAML: `listeners` and `clusters` in Envoy's own names. */
const golden = (name: string): string => readFileSync(join(FIXTURES, `${name}.json`), 'utf8')

function diagnosed(text: string, options: Partial<ProxyOptions> = {}): Finding[] {
  const dump = readConfigDump(text)
  assert.ok(!('wrong' in dump), JSON.stringify(dump))
  return diagnoseProxy(dump, { flushMs: 30_000, ...options })
}

const codes = (findings: readonly Finding[]): string[] => findings.map(({ code }) => code)
const wrongIn = (findings: readonly Finding[]): string[] =>
  codes(findings.filter(({ severity }) => severity !== 'note'))

test('each chain that reports is a note: how often, how regularly, with which filter', () => {
  const [first, ...rest] = diagnosed(golden('sidecar'))
  assert.deepEqual(first, {
    severity: 'note',
    code: 'chain-logged',
    subject: 'listener 0.0.0.0_443, chain *.oss-cn-shanghai-internal.aliyuncs.com',
    wrong:
      "reports once to outbound|9001||snimeter.snimeter.svc.cluster.local as snimeter, every 15s, filter xds.cluster_name.contains('|*.') && connection.requested_server_name != ''",
    fix: '',
  })
  assert.deepEqual(
    rest.map(({ subject }) => subject),
    ['listener 0.0.0.0_443, chain *.oss-cn-shanghai.aliyuncs.com'],
  )
})

test('nothing is wrong with what pilot makes of the reference', () => {
  for (const name of ['sidecar', 'dynamic-dns', 'envoyfilter-only', 'waypoint']) {
    const findings = diagnosed(golden(name))
    assert.deepEqual(wrongIn(findings), [], name)
    assert.ok(codes(findings).includes('chain-logged'), name)
  }
})

test('an exact host with a virtual address that the filter hides is told, with the reason', () => {
  const [finding] = diagnosed(golden('exact-host-dns-capture'))
  assert.equal(
    `${finding?.severity} ${finding?.subject} ${finding?.wrong}`,
    'note listener 240.240.0.1_443, chain any goes to outbound|443||oss-cn-shanghai.aliyuncs.com and is not reported: the filter hides it (nor is the server name looked at: no tls_inspector)',
  )
})

test('behind an egress gateway the chain reports, but this one has no interval', () => {
  const findings = diagnosed(golden('egress-gateway-sidecar'))
  // The excerpt has the gateway's cluster only.
  assert.deepEqual(wrongIn(findings), ['flush-missing', 'receiver-cluster-missing'])
})

const CLUSTER = 'outbound|9001||snimeter.snimeter.svc.cluster.local'
const FILTER = `xds.cluster_name.contains('|*.') && connection.requested_server_name != ''`

/** Changes of the text of `sidecar.json`, one at a time, and what is then wrong. */
const MISTAKES: readonly [string, (text: string) => string, readonly string[]][] = [
  [
    'no flush interval',
    (text) => text.replaceAll(/"access_log_options": \{[^}]*\},/g, ''),
    ['flush-missing', 'flush-missing'],
  ],
  [
    'an interval longer than the receiver expects',
    (text) => text.replaceAll('"15s"', '"90s"'),
    ['flush-long', 'flush-long'],
  ],
  [
    'no tls_inspector',
    (text) => text.replaceAll('envoy.filters.listener.tls_inspector', 'envoy.filters.listener.x'),
    ['no-tls-inspector', 'no-tls-inspector'],
  ],
  [
    'a filter by a name that does not exist',
    (text) => text.replaceAll('xds.cluster_name.contains', 'xds.clustername.contains'),
    ['cel-attribute'],
  ],
  [
    'a filter that hides the wildcards',
    (text) => text.replaceAll(FILTER, "xds.cluster_name == 'PassthroughCluster'"),
    ['chain-not-logged', 'chain-not-logged'],
  ],
  [
    'no access log at all',
    (text) => text.replaceAll('TcpGrpcAccessLogConfig', 'Other'),
    ['nothing-logged'],
  ],
  [
    'no cluster of the receiver',
    (text) => text.replace(`"name": "${CLUSTER}"`, '"name": "other"'),
    ['receiver-cluster-missing'],
  ],
  [
    'a headless receiver',
    (text) => text.replace('"type": "EDS"', '"type": "ORIGINAL_DST"'),
    ['receiver-headless'],
  ],
  [
    'a receiver without HTTP/2',
    (text) => text.replaceAll('explicit_http_config', 'other_config'),
    ['receiver-not-grpc'],
  ],
  [
    'a wildcard whose cluster the proxy does not have',
    (text) => text.replace('"name": "outbound|443||*.oss-cn-shanghai.aliyuncs.com"', '"name": "x"'),
    ['chain-cluster-missing'],
  ],
]

for (const [name, change, expected] of MISTAKES) {
  test(`mistake: ${name}`, () => {
    const text = golden('sidecar')
    assert.notEqual(change(text), text)
    const findings = diagnosed(change(text))
    assert.deepEqual(wrongIn(findings), expected, JSON.stringify(findings, undefined, 1))
  })
}

interface Chain {
  readonly filters: { typed_config: Record<string, unknown> & { access_log: unknown[] } }[]
}

/** `sidecar.json` with something done to the settings of each wildcard chain. */
function withChains(change: (settings: Chain['filters'][0]['typed_config']) => void): string {
  const dump = JSON.parse(golden('sidecar')) as { listeners: { filter_chains: Chain[] }[] }
  for (const { filters } of dump.listeners[0]?.filter_chains ?? []) {
    for (const { typed_config: settings } of filters) change(settings)
  }
  return JSON.stringify(dump)
}

test('a chain with two of our access logs bills every byte twice', () => {
  const text = withChains(({ access_log: logs }) => logs.push(logs[0]))
  assert.deepEqual(wrongIn(diagnosed(text)), ['logged-twice', 'logged-twice'])
})

test('both intervals at once: Envoy refuses the listener', () => {
  const text = withChains((settings) => {
    settings['access_log_flush_interval'] = '5s'
  })
  assert.deepEqual(wrongIn(diagnosed(text)), ['flush-conflict', 'flush-conflict'])
})

test('access logs to another receiver than the one that was told are not ours', () => {
  const receiver = { namespace: 'billing', name: 'snimeter', port: 9001 }
  assert.deepEqual(wrongIn(diagnosed(golden('sidecar'), { receiver })), [
    'other-receiver',
    'receiver-cluster-missing',
  ])
  const right = { namespace: 'snimeter', name: 'snimeter', port: 9001 }
  assert.deepEqual(wrongIn(diagnosed(golden('sidecar'), { receiver: right })), [])
})

const camel = (text: string): string =>
  text.replaceAll(/"([a-z]+(?:_[a-z0-9]+)+)":/g, (_, name: string) => {
    const inCamelCase = name.replaceAll(/_([a-z0-9])/g, (__, letter: string) =>
      letter.toUpperCase(),
    )
    return `"${inCamelCase}":`
  })

test("istioctl's lists in camelCase, and Envoy's own dump, say the same", () => {
  const text = golden('sidecar')
  const { listeners, clusters } = JSON.parse(text) as { listeners: unknown[]; clusters: unknown[] }
  const expected = diagnosed(text)
  assert.deepEqual(diagnosed(camel(text)), expected)
  assert.deepEqual(diagnosed(JSON.stringify([...listeners, ...clusters])), expected)
  const dump = {
    configs: [
      { dynamic_active_clusters: clusters.map((cluster) => ({ cluster })) },
      {
        dynamic_listeners: listeners.map((listener) => ({ active_state: { listener } })),
      },
    ],
  }
  assert.deepEqual(diagnosed(JSON.stringify(dump)), expected)
  assert.deepEqual(diagnosed(camel(JSON.stringify(dump))), expected)
  // One of the two commands of istioctl.
  assert.deepEqual(wrongIn(diagnosed(JSON.stringify(listeners))), [])
  assert.ok(codes(diagnosed(JSON.stringify(listeners))).includes('clusters-unseen'))
  assert.deepEqual(codes(diagnosed(JSON.stringify(clusters))), ['listeners-unseen'])
})

test('a listener that Envoy refused is told in its words', () => {
  const details = 'Only one of access_log_flush_interval or access_log_options can be specified'
  const dump = {
    configs: [{ dynamic_listeners: [{ name: '0.0.0.0_443', error_state: { details } }] }],
  }
  const [finding] = diagnosed(JSON.stringify(dump))
  assert.equal(finding?.code, 'listener-refused')
  assert.equal(finding.wrong, `was refused by Envoy, which keeps its old one: ${details}`)
})

test('a gateway that reports nothing is as it should be', () => {
  const dump = (id: string) => ({
    configs: [
      { bootstrap: { node: { id } } },
      {
        dynamic_listeners: [
          {
            active_state: {
              listener: {
                name: '0.0.0.0_8443',
                filter_chains: [
                  { filters: [{ typed_config: { '@type': 'x/tcp_proxy.v3.TcpProxy' } }] },
                ],
              },
            },
          },
        ],
      },
    ],
  })
  const gateway = dump('router~10.1.2.4~egress.istio-egress~istio-egress.svc.cluster.local')
  assert.deepEqual(codes(diagnosed(JSON.stringify(gateway))), ['gateway-silent'])
  assert.deepEqual(codes(diagnosed(JSON.stringify(dump('sidecar~10.1.2.5~a.b~b')))), [
    'nothing-logged',
  ])
})

test('what is no config dump is refused', () => {
  for (const text of ['', 'a: 1', '{}', '[]', '3', 'null', '{"configs": {}}']) {
    assert.ok('wrong' in readConfigDump(text), text)
  }
})
