import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  exactHostOfCluster,
  hostOfAuthority,
  normaliseName,
} from '../../src/attribution/destination-name.ts'
import { INVALID_NAME } from '../../src/model/destination.ts'

describe('a name', () => {
  it('is lower case without a trailing dot', () => {
    assert.equal(
      normaliseName('Bucket.OSS-cn-shanghai.aliyuncs.com.'),
      'bucket.oss-cn-shanghai.aliyuncs.com',
    )
    assert.equal(normaliseName('_dmarc.example.com'), '_dmarc.example.com')
    assert.equal(normaliseName('localhost'), 'localhost')
  })

  it('is refused with anything but letters, digits, hyphen, underscore and dots', () => {
    const refused = [
      ['', '.', '..', 'a..b', '.a', 'a.b..', 'a b', 'a\nb', 'a|b', '*.example.com', 'a:443'],
      [
        '<b>',
        "a'b",
        'a"b',
        'b\u00fccher.example',
        'a\u0000',
        'a\ufffdb',
        '\ufeffa',
        '[::1]',
        'a/b',
      ],
    ].flat()
    for (const text of refused)
      assert.equal(normaliseName(text), INVALID_NAME, JSON.stringify(text))
  })

  it('is refused if only its lower case would pass', () => {
    // U+212A, the Kelvin sign, is a k in lower case.
    assert.equal(normaliseName('\u212aube.example.com'), INVALID_NAME)
  })

  it('is refused above 253 bytes', () => {
    const labels = `${'a'.repeat(63)}.`.repeat(3)
    assert.equal(normaliseName(labels + 'a'.repeat(61)), labels + 'a'.repeat(61))
    assert.equal(normaliseName(`${labels}${'a'.repeat(61)}.`), labels + 'a'.repeat(61))
    assert.equal(normaliseName(labels + 'a'.repeat(62)), INVALID_NAME)
  })

  it('never forges a reserved one', () => {
    assert.equal(normaliseName('__other__'), INVALID_NAME)
    assert.equal(normaliseName('__x.example.com'), INVALID_NAME)
  })

  it('normalised twice is the same', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string()), (text) => {
        const name = normaliseName(text)
        if (name !== INVALID_NAME) assert.equal(normaliseName(name), name)
        assert.match(name, /^[a-z0-9_.-]+$/)
      }),
    )
  })
})

describe('the exact host of a cluster', () => {
  it('is the last part of Istio’s cluster name', () => {
    assert.equal(exactHostOfCluster('outbound|443||baidu.com'), 'baidu.com')
    assert.equal(exactHostOfCluster('outbound|443|v1|Baidu.com'), 'baidu.com')
    assert.equal(exactHostOfCluster('inbound-vip|443|tcp|db.example.com'), 'db.example.com')
  })

  it('is not there for wildcards, other clusters and hosts that are no names', () => {
    const others = [
      ['outbound|443||*.example.com', 'PassthroughCluster', 'BlackHoleCluster', '', '|||'],
      ['outbound|443||', 'outbound|x||a.com', 'outbound|443||a b', 'inbound|80||a.com'],
      ['outbound|443||__other__', 'outbound|443||a.com|b', 'outbound_.443_._.a.com'],
    ].flat()
    for (const cluster of others) assert.equal(exactHostOfCluster(cluster), '', cluster)
  })
})

describe('the host of an authority', () => {
  it('has no port and no brackets', () => {
    assert.equal(hostOfAuthority('example.com'), 'example.com')
    assert.equal(hostOfAuthority('example.com:8443'), 'example.com')
    assert.equal(hostOfAuthority('example.com:'), 'example.com')
    assert.equal(hostOfAuthority('203.0.113.10:80'), '203.0.113.10')
    assert.equal(hostOfAuthority('[2001:db8::1]:443'), '2001:db8::1')
    assert.equal(hostOfAuthority('[2001:db8::1]'), '2001:db8::1')
    assert.equal(hostOfAuthority('2001:db8::1'), '2001:db8::1')
  })

  it('keeps what is no authority, for the check of names to refuse', () => {
    assert.equal(hostOfAuthority('[::1'), '[::1')
    assert.equal(hostOfAuthority('a:b'), 'a:b')
    assert.equal(hostOfAuthority(''), '')
  })
})
