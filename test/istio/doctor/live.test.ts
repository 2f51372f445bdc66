import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diagnoseLive, type LiveMesh } from '../../../src/istio/doctor/live.ts'
import type { NodeReport } from '../../../src/model/node-report.ts'
import type { Node } from '../../../src/model/source.ts'

/** A sidecar that reports as it should: long and short connections, and their ends a second later. */
function report(seen: Partial<NodeReport> = {}, node: Partial<Node> = {}): NodeReport {
  return {
    node: {
      id: 'sidecar~10.1.2.3~checkout-1.shop~shop.svc.cluster.local',
      pod: 'checkout-1',
      proxyType: 'sidecar',
      serviceAccount: 'checkout',
      envoyVersion: '1.40.0',
      workload: { cluster: 'c1', namespace: 'shop', kind: 'Deployment', name: 'checkout' },
      ...node,
    },
    envoyMinor: 1040,
    entries: 100,
    periodic: 80,
    ends: 20,
    longEnds: 4,
    untypedEnds: 0,
    withoutId: 1,
    connections: 20,
    unnamed: 1,
    endedAgain: 0,
    ofOthers: 0,
    disbelieved: 0,
    furthestMs: 0,
    lagMs: 400,
    messagesWithEnds: 12,
    ...seen,
  }
}

const mesh = (...nodes: readonly NodeReport[]): LiveMesh => ({
  nodes,
  hiddenHops: [],
  billAt: 'sidecar',
  flushIntervalMs: 30_000,
})

/** Code and severity of every finding. */
const codes = (found: LiveMesh): string[] =>
  diagnoseLive(found).map(({ severity, code }) => `${severity} ${code}`)

const BARE = { cluster: '', namespace: '', kind: 'Node', name: 'envoy-7' }

const SYMPTOMS: readonly [code: string, ill: NodeReport][] = [
  ['warning no-periodic-entries', report({ periodic: 0 })],
  ['warning no-server-name', report({ unnamed: 10 })],
  ['error no-connection-ids', report({ withoutId: 21 })],
  ['error old-envoy', report({ envoyMinor: 1025 }, { envoyVersion: '1.25.3' })],
  ['warning untried-envoy', report({ envoyMinor: 1034 }, { envoyVersion: '1.34.0' })],
  ['warning listener-log', report({ endedAgain: 20, untypedEnds: 20 })],
  ['warning two-loggers', report({ endedAgain: 20 })],
  ['error others-connections', report({ ofOthers: 1 })],
  ['warning clock-ahead', report({ lagMs: -2001 })],
  ['warning clock-behind', report({ lagMs: 60_001 })],
  ['warning no-workload', report({}, { workload: BARE })],
  ['note gateway-hops', report({}, { proxyType: 'router' })],
]

const HEALTHY: readonly [what: string, seen: NodeReport][] = [
  ['reports as it should', report()],
  ['has only short connections, without periodic entries', report({ periodic: 0, longEnds: 0 })],
  ['has a few connections without a name among many', report({ unnamed: 9 })],
  ['has probes that died before they had an id', report({ withoutId: 20 })],
  ['does not tell its release', report({ envoyMinor: 0 }, { envoyVersion: '' })],
  ['has sent one backlog late', report({ lagMs: 90_000, messagesWithEnds: 2 })],
  ['has told no end yet', report({ lagMs: undefined, messagesWithEnds: 0 })],
  ['is a pod without an owner', report({}, { workload: { ...BARE, kind: 'Pod' } })],
  ['is a waypoint', report({}, { proxyType: 'waypoint' })],
]

describe('doctor live', () => {
  for (const [code, ill] of SYMPTOMS) {
    it(`finds ${code.replace(' ', ': ')}, and nothing else`, () => {
      assert.deepEqual(codes(mesh(ill)), [code])
    })
  }

  for (const [what, seen] of HEALTHY) {
    it(`has nothing to say of a proxy that ${what}`, () => {
      assert.deepEqual(codes(mesh(seen)), [])
    })
  }

  it('says it once for all proxies of a workload, with what they come to', () => {
    const ill = report({ periodic: 0 })
    const [finding, ...others] = diagnoseLive(mesh(ill, report(), ill))
    assert.deepEqual(others, [])
    assert.equal(finding?.subject, 'Deployment c1/shop/checkout')
    assert.match(finding.wrong, /^2 proxies: 8 connections of two minutes or longer/)
  })

  it('says nothing of missing periodic entries where the flush interval is long', () => {
    const slow = { ...mesh(report({ periodic: 0 })), flushIntervalMs: 61_000 }
    assert.deepEqual(codes(slow), [])
  })

  it('finds hops that hide bytes, worst first, for either end that is billed', () => {
    const hiddenHops = [{ sni: 'a.example', bytes: 7n }]
    const ill = { ...mesh(report({ lagMs: -9000 })), hiddenHops }
    assert.deepEqual(codes(ill), ['error hop-hides-bytes', 'warning clock-ahead'])
    const [atSidecar] = diagnoseLive(ill)
    assert.match(atSidecar?.wrong ?? '', /^gateways moved 7 bytes to it, and no sidecars reported/)
    const [atGateway] = diagnoseLive({ ...ill, billAt: 'gateway' })
    assert.match(atGateway?.wrong ?? '', /^sidecars moved 7 bytes to it, and no gateways reported/)
  })

  it('has nothing to say of gateways that are billed', () => {
    const gateway = report({}, { proxyType: 'router' })
    assert.deepEqual(codes({ ...mesh(gateway), billAt: 'gateway' }), [])
  })
})
