import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sourceOfNode, sourceOfPeer } from '../../src/attribution/peer-source.ts'
import type { Node } from '../../src/model/source.ts'

const WAYPOINT: Node = {
  id: 'waypoint~10.1.9.9~waypoint-7.istio-egress~istio-egress.svc.cluster.local',
  pod: 'waypoint-7',
  proxyType: 'waypoint',
  serviceAccount: 'waypoint',
  envoyVersion: '1.40.0',
  workload: { cluster: 'c1', namespace: 'istio-egress', kind: 'Deployment', name: 'waypoint' },
}
const CHECKOUT = 'spiffe://cluster.local/ns/shop/sa/checkout-sa'

const source = (...parts: string[]) => {
  const found = sourceOfPeer(parts.join('\0'), WAYPOINT)
  return found && `${found.cluster} ${found.namespace} ${found.kind} ${found.name}`
}

describe('the source of a connection that a waypoint reports', () => {
  it('is the workload that Istio found, with its kind', () => {
    assert.equal(
      source(CHECKOUT, 'c2', 'shop', 'deployment', 'checkout'),
      'c2 shop Deployment checkout',
    )
    assert.equal(source('', '', 'ml', 'cronjob', 'train'), 'c1 ml CronJob train')
    assert.equal(source('', '', 'ml', 'rollout', 'train'), 'c1 ml Workload train')
  })

  it('is the service account where only the certificate is known', () => {
    assert.equal(source(CHECKOUT, '', '', '', ''), 'c1 shop ServiceAccount checkout-sa')
  })

  it('is what the certificate says where the two disagree', () => {
    const claimed = source(CHECKOUT, 'c1', 'other', 'deployment', 'evil')
    assert.equal(claimed, 'c1 shop ServiceAccount checkout-sa')
  })

  it('is nobody where the names say nothing', () => {
    assert.equal(source('', '', '', '', ''), undefined)
    assert.equal(source('spiffe://cluster.local/host/1', '', '', '', ''), undefined)
    assert.equal(source('', 'c1', 'shop', 'deployment', ''), undefined)
  })

  it('is never one of our own names', () => {
    assert.equal(
      source('', '__c', '__other__', 'pod', '__unknown__'),
      '~__c ~__other__ Pod ~__unknown__',
    )
    const account = 'spiffe://cluster.local/ns/__other__/sa/__unknown__'
    assert.equal(source(account, '', '', '', ''), 'c1 ~__other__ ServiceAccount ~__unknown__')
    // The certificate and the workload agree on the namespace, as they were sent.
    assert.equal(source(account, '', '__other__', 'pod', 'a'), 'c1 ~__other__ Pod a')
    assert.equal(source('', '', 'shop', '__unknown__', 'a'), 'c1 shop Workload a')
  })

  it('has no control characters, whatever was sent', () => {
    assert.equal(source('', '', 'shop', 'pod', 'a\nb'), 'c1 shop Pod a_b')
  })
})

describe('the source of a node', () => {
  it('is its workload, and of a gateway or waypoint the proxy itself, marked by its kind', () => {
    assert.deepEqual(sourceOfNode({ ...WAYPOINT, proxyType: 'sidecar' }), WAYPOINT.workload)
    assert.equal(sourceOfNode(WAYPOINT).kind, 'Waypoint')
    assert.equal(sourceOfNode({ ...WAYPOINT, proxyType: 'router' }).kind, 'Gateway')
  })
})
