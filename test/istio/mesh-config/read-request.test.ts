import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import { ask, asked } from './ask.ts'

test('without flags the request is that of the example', () => {
  assert.deepEqual(asked({}), {
    form: 'kubectl',
    variant: 'telemetry',
    hosts: ['*.oss-cn-shanghai.aliyuncs.com', '*.oss-cn-shanghai-internal.aliyuncs.com'],
    ports: [443],
    flushMs: 15_000,
    namespace: 'external',
    rootNamespace: 'istio-system',
    provider: 'snimeter',
    receiver: { namespace: 'snimeter', name: 'snimeter', port: 9001 },
    gateway: {
      namespace: 'istio-egress',
      name: 'istio-egressgateway',
      podPort: 8443,
      selector: 'egressgateway',
    },
    waypoint: 'waypoint',
    release: { minor: 29, envoy: '1.37' },
    billAt: 'sidecar',
  })
})

test('every variant accepts its own example on the newest release', () => {
  for (const variant of VARIANT_NAMES) asked({ variant: [variant], istio: '1.32' })
})

const wildcard = ['*.example.com']

test('what bills twice, does nothing or breaks traffic is refused, with the reason and the fix', () => {
  const refused: [Parameters<typeof ask>, string, RegExp][] = [
    [[{ host: ['*'] }], '--host *', /every name/],
    [[{ host: ['a.example.com'] }], '--host a.example.com', /never be logged/],
    [
      [{ host: ['a.example.com', ...wildcard], variant: ['dynamic-dns'], istio: '1.30' }],
      '--host a.example.com',
      /never be logged/,
    ],
    [[{ host: wildcard, variant: ['exact-host'] }], '--variant exact-host', /no exact host/],
    [[{ variant: ['dynamic-dns'] }], '--variant dynamic-dns', /needs Istio 1\.30/],
    [
      [{ variant: ['ambient-waypoint'], istio: '1.29.0' }],
      '--variant ambient-waypoint',
      /needs Istio 1\.30/,
    ],
    [
      [{ variant: ['telemetry', 'envoyfilter-only'] }],
      '--variant telemetry, envoyfilter-only',
      /reported twice/,
    ],
    [[{ variant: ['sidecar'] }], '--variant sidecar', /not a variant/],
    [
      [{ variant: ['envoyfilter-only'], provider: 'mine' }],
      '--provider',
      /does nothing in variant envoyfilter-only/,
    ],
    [[{ variant: ['envoyfilter-only'], form: 'helm' }], '--form helm', /has none/],
    [[{ gateway: 'a/b' }], '--gateway', /does nothing in variant telemetry/],
    [[{ gatewayPort: '8443' }], '--gateway-port', /does nothing/],
    [[{ waypoint: 'w' }], '--waypoint', /does nothing/],
    [
      [{ variant: ['ambient-waypoint'], istio: '1.30', rootNamespace: 'istio-system' }],
      '--root-namespace',
      /does nothing/,
    ],
    [[{ flushMs: 999 }], '--flush 0.999s', /more than once a second/],
    [[{ flushMs: 30_001 }], '--flush 30.001s', /ledger\.flush_interval: 30s/],
    [[{ port: ['80'] }], '--port 80', /no server name/],
    [[{ port: ['0'] }], '--port 0', /not a port/],
    [[{ port: ['65536'] }], '--port 65536', /not a port/],
    [[{ port: ['15001'] }], '--port 15001', /sidecar's own/],
    [
      [{ port: ['443', '8443'], variant: ['egress-gateway'] }],
      '--port 443, 8443',
      /more than variant egress-gateway can route/,
    ],
    [[{ rootNamespace: 'snimeter' }], '--root-namespace snimeter', /reaches nobody else/],
    [[{ provider: 'envoy' }], '--provider envoy', /that Istio brings/],
    [[{ provider: 'No' }], '--provider No', /not a name/],
    [[{ namespace: 'a.b' }], '--namespace a.b', /not a name/],
    [[{ receiver: 'snimeter:9001' }], '--receiver snimeter:9001', /not a Service and port/],
    [[{ receiver: 'a/b/c:1' }], '--receiver a/b/c:1', /not a Service and port/],
    [[{ receiver: 'a/b' }], '--receiver a/b', /not a Service and port/],
    [[{ gateway: 'b', variant: ['egress-gateway'] }], '--gateway b', /not a Service/],
    [[{ istio: '1.26' }], '--istio 1.26', /nobody has tried/],
    [[{ istio: '1.33' }], '--istio 1.33', /nobody has tried/],
    [[{ istio: 'latest' }], '--istio latest', /not an Istio release/],
    [
      [{ variant: ['egress-gateway'] }, { billAt: 'gateway' }],
      '--variant egress-gateway',
      /bill every byte twice/,
    ],
    [[{ host: ['*.com'], variant: ['egress-gateway'] }], '--host *.com', /no common endpoint/],
    [
      [{ host: Array.from({ length: 257 }, (_, index) => `*.h${index}.example.com`) }],
      '257 hosts',
      /more than one ServiceEntry takes/,
    ],
  ]
  for (const [args, subject, wrong] of refused) {
    const answer = ask(...args)
    assert.ok('refusals' in answer, subject)
    assert.deepEqual(
      answer.refusals.map((refusal) => refusal.subject),
      [subject],
    )
    assert.match(answer.refusals[0]?.wrong ?? '', wrong)
    assert.notEqual(answer.refusals[0]?.fix, '')
  }
})

test('everything that is wrong is told at once', () => {
  const answer = ask({ host: ['*', '10.0.0.1'], port: ['x'], istio: '2.0' })
  assert.ok('refusals' in answer)
  assert.equal(answer.refusals.length, 4)
})

test('what is allowed but surprises is noted', () => {
  const notes = (flags: Parameters<typeof ask>[0]): readonly string[] => {
    const answer = ask(flags)
    assert.ok('request' in answer)
    return answer.notes
  }
  assert.deepEqual(notes({ host: ['*.b.example', '*.a.b.example'] }), [
    '*.b.example does not match b.example itself: if apps use it, add it with --variant exact-host.',
    '*.a.b.example also falls under *.b.example: the longest match wins, each byte counts once.',
    '*.a.b.example does not match a.b.example itself: if apps use it, add it with --variant exact-host.',
  ])
  assert.deepEqual(
    notes({ variant: ['exact-host'], host: ['*.b.example', 'b.example', 'B.EXAMPLE.'] }),
    ['A host was given more than once; it stands there once.'],
  )
  assert.match(notes({ host: ['*.com'] }).join(), /whole top-level domain/)
  assert.match(notes({}).join(), /hosts are those of an example/)
})
