import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hostOfMeshName } from '../../src/attribution/mesh-name.ts'
import { INVALID_NAME } from '../../src/model/destination.ts'

describe('a name of Istio’s for a cluster in an SNI', () => {
  it('holds the host in its last part', () => {
    assert.equal(hostOfMeshName('outbound_.443_._.api.example'), 'api.example')
    assert.equal(hostOfMeshName('outbound_.443_.v1_.api.example'), 'api.example')
    assert.equal(hostOfMeshName('inbound-vip_.80_.http_.web.shop'), 'web.shop')
    assert.equal(hostOfMeshName('OUTBOUND_.1_._.API.example.'), 'api.example')
  })

  it('has no host where that is a wildcard', () => {
    for (const host of ['*', '*.example', '*.a.example.']) {
      assert.equal(hostOfMeshName(`outbound_.443_._.${host}`), '', host)
    }
  })

  it('is invalid where it is cut short, or its host is no name', () => {
    const rest = [
      '',
      '443',
      '443_.',
      '443_._.',
      '443_.host',
      'x_._.host',
      '443_._.a_.b',
      '443_._.__x',
    ]
    for (const text of rest) assert.equal(hostOfMeshName(`outbound_.${text}`), INVALID_NAME, text)
  })

  it('is nothing else', () => {
    const others = ['', 'outbound', 'outbound_', 'outbound_x.example', 'outbound|443||a.example']
    for (const text of others) assert.equal(hostOfMeshName(text), undefined, text)
  })

  it('gives back the host of any cluster that pilot names so', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/)
    fc.assert(
      fc.property(fc.nat(65_535), label, fc.domain(), (port, subset, host) => {
        assert.equal(hostOfMeshName(`outbound_.${port}_.${subset}_.${host}`), host.toLowerCase())
      }),
    )
  })
})
