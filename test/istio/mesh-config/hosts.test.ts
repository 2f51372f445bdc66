import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coveringWildcard, readHost, sortedHosts } from '../../../src/istio/mesh-config/hosts.ts'

test('a host is read in lower case and without a trailing dot', () => {
  for (const [text, value] of [
    ['bucket.example.com', 'bucket.example.com'],
    ['*.OSS.Example.com.', '*.oss.example.com'],
    [' a-1.b2.example ', 'a-1.b2.example'],
    ['*.com', '*.com'],
    ['xn--nda.com', 'xn--nda.com'],
  ] as const) {
    assert.deepEqual(readHost(text), { value })
  }
})

test('what is no host for a ServiceEntry is refused with its reason', () => {
  for (const [text, wrong] of [
    ['*', /every name there is/],
    ['*.', /every name there is/],
    ['https://a.example.com/x', /not a bare host name/],
    ['a.example.com:443', /not a bare host name/],
    ['10.0.0.1', /an address/],
    ['2001:db8::1', /an address/],
    ['*.0.0.1', /an address/],
    ['*bucket.example.com', /a star that is not its whole first label/],
    ['a.*.example.com', /a star that is not its whole first label/],
    ['*.*.example.com', /a star that is not its whole first label/],
    ['a_b.example.com', /not a host name/],
    ['-a.example.com', /not a host name/],
    ['a..example.com', /not a host name/],
    ['', /not a host name/],
    ['localhost', /no domain/],
    [`${'a'.repeat(64)}.com`, /not a host name/],
    [`${'a.'.repeat(126)}com`, /longer than 253/],
    ['web.shop.svc.cluster.local', /inside the cluster/],
  ] as const) {
    const read = readHost(text)
    assert.ok('wrong' in read, text)
    assert.match(read.wrong, wrong, text)
    assert.notEqual(read.fix, '')
  }
})

test('a name outside ASCII is refused with the form that travels', () => {
  assert.deepEqual(readHost('*.bücher.example'), {
    wrong: 'is not in the form that travels in TLS',
    fix: 'write *.xn--bcher-kva.example',
  })
})

test('hosts stand once each, relatives together', () => {
  assert.deepEqual(sortedHosts(['*.b.com', 'z.org', 'b.com', '*.a.b.com', '*.b.com', 'a.b.com']), [
    'b.com',
    '*.b.com',
    'a.b.com',
    '*.a.b.com',
    'z.org',
  ])
})

test('a host falls under the longest wildcard that ends it, never under itself', () => {
  const hosts = ['*.b.com', '*.a.b.com', 'x.a.b.com', 'b.com', 'xb.com']
  assert.deepEqual(
    hosts.map((host) => coveringWildcard(host, hosts)),
    [undefined, '*.b.com', '*.a.b.com', undefined, undefined],
  )
})
