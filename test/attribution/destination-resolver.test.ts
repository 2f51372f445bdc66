import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { normaliseName } from '../../src/attribution/destination-name.ts'
import { DestinationResolver } from '../../src/attribution/destination-resolver.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { type Destination, INVALID_NAME } from '../../src/model/destination.ts'
import { SampleBatch, SampleKind } from '../../src/model/sample.ts'
import { canonicalAddressText } from '../../src/runtime/ip-address-text.ts'

interface Names {
  kind?: keyof typeof SampleKind
  sni?: string
  cluster?: string
  authority?: string
  address?: readonly [number, number, number, number]
}

class Fixture {
  readonly texts = new TextInterner()
  readonly resolver = new DestinationResolver(this.texts)
  readonly #batch = new SampleBatch(1)

  resolve(names: Names): Destination {
    const b = this.#batch
    b.kind[0] = SampleKind[names.kind ?? 'connection']
    b.sni[0] = this.#intern(names.sni)
    b.cluster[0] = this.#intern(names.cluster)
    b.authority[0] = this.#intern(names.authority)
    b.address.set(names.address ?? [0, 0, 0, 0])
    return this.resolver.resolve(b, 0)
  }

  #intern(text = ''): number {
    const bytes = Buffer.from(text)
    return this.texts.intern(bytes, 0, bytes.length)
  }
}

const ADDRESS = [0, 0, 0xffff, (203 << 24) | (113 << 8) | 10] as const
const EXACT = 'outbound|443||cluster.example.com'
const WILDCARD = 'outbound|443||*.example.com'
const all: Names = {
  sni: 'sni.example.com',
  cluster: EXACT,
  authority: 'authority.example.com:80',
  address: ADDRESS,
}
const text = ({ name, nameSource }: Destination) => `${nameSource} ${name}`

describe('the name that bytes are billed to', () => {
  const resolve = (names: Names) => text(new Fixture().resolve(names))
  const without = (...keys: (keyof Names)[]): Names =>
    Object.fromEntries(Object.entries(all).filter(([key]) => !keys.includes(key as keyof Names)))

  it('of a connection is the SNI, else the cluster’s host, the authority, the address, nothing', () => {
    assert.equal(resolve(all), 'sni sni.example.com')
    assert.equal(resolve(without('sni')), 'cluster cluster.example.com')
    assert.equal(
      resolve({ ...without('sni'), cluster: WILDCARD }),
      'authority authority.example.com',
    )
    assert.equal(resolve(without('sni', 'cluster', 'authority')), 'address 203.0.113.10')
    assert.equal(resolve({}), 'none ')
  })

  it('of a request is the cluster’s host, else the authority, the SNI, the address, nothing', () => {
    const request = (names: Names) => resolve({ ...names, kind: 'request' })
    assert.equal(request(all), 'cluster cluster.example.com')
    assert.equal(
      request({ ...all, cluster: 'PassthroughCluster' }),
      'authority authority.example.com',
    )
    assert.equal(request(without('cluster', 'authority')), 'sni sni.example.com')
    assert.equal(request(without('cluster', 'authority', 'sni')), 'address 203.0.113.10')
    assert.equal(request({}), 'none ')
  })

  it('that fails the check leaves the next source; where there is none it is __invalid__', () => {
    assert.equal(resolve({ ...all, sni: 'a b' }), 'cluster cluster.example.com')
    assert.equal(
      resolve({ ...all, sni: '__other__', cluster: '' }),
      'authority authority.example.com',
    )
    assert.equal(
      resolve({ sni: 'a b', authority: 'c d', address: ADDRESS }),
      'address 203.0.113.10',
    )
    assert.equal(resolve({ sni: 'a b', authority: 'c d' }), 'sni __invalid__')
    const request = (names: Names) => resolve({ ...names, kind: 'request' })
    assert.equal(request({ ...all, cluster: '', authority: 'a b' }), 'sni sni.example.com')
    assert.equal(request({ sni: 'a b', authority: 'c d' }), 'authority __invalid__')
    assert.equal(
      request({ sni: 'a b', authority: 'c d', address: ADDRESS }),
      'address 203.0.113.10',
    )
  })

  it('is a name before an address, whichever source gives it', () => {
    assert.equal(resolve({ ...all, sni: '192.0.2.7' }), 'cluster cluster.example.com')
    assert.equal(resolve({ sni: '192.0.2.7', authority: 'a.example' }), 'authority a.example')
    assert.equal(resolve({ sni: '192.0.2.7', address: ADDRESS }), 'sni 192.0.2.7')
    assert.equal(
      resolve({ kind: 'request', authority: '192.0.2.7', sni: 'a.example' }),
      'sni a.example',
    )
    assert.equal(
      resolve({ kind: 'request', authority: '192.0.2.7:80', sni: '::1', address: ADDRESS }),
      'authority 192.0.2.7',
    )
  })

  it('may be an address that the authority names, in its canonical form', () => {
    const authority = (name: string) => resolve({ kind: 'request', authority: name })
    assert.equal(authority('203.0.113.10:8080'), 'authority 203.0.113.10')
    assert.equal(authority('[2001:DB8:0::1]:443'), 'authority 2001:db8::1')
    assert.equal(authority('[fe80::1%eth0]'), 'authority fe80::1')
  })

  it('is a name, a canonical address, a reserved name or nothing, whatever is sent', () => {
    const piece = fc.constantFrom(
      'outbound_.',
      '443',
      '_.',
      '|',
      '*.',
      '.',
      'a.example',
      '__',
      '::',
      '[',
      ']',
      '%',
      '1',
      'ffff',
      '192.0.2.7',
      '\u0000',
      '\ufffd',
      'é',
      ':80',
      'OUTBOUND_.80_._.',
      'x'.repeat(254),
    )
    const sent = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 6 }).map((all) => all.join('')),
    )
    const kind = fc.constantFrom('connection' as const, 'request' as const)
    fc.assert(
      fc.property(kind, sent, sent, sent, (kind, sni, cluster, authority) => {
        const { name, nameSource } = new Fixture().resolve({ kind, sni, cluster, authority })
        const isAddress = canonicalAddressText(name) === name
        const isName = normaliseName(name) === name && !/^(in|out)bound_\./.test(name)
        if (nameSource === 'none') assert.equal(name, '')
        else assert.ok(isAddress || isName || name === INVALID_NAME, name)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same object for the same name', () => {
    const fixture = new Fixture()
    assert.equal(fixture.resolve(all), fixture.resolve({ ...all }))
    assert.equal(fixture.resolve({ cluster: EXACT }), fixture.resolve({ cluster: EXACT }))
    assert.equal(fixture.resolve({ address: ADDRESS }), fixture.resolve({ address: ADDRESS }))
    assert.equal(fixture.resolve({ address: ADDRESS }), fixture.resolver.ofAddress(...ADDRESS))
    assert.equal(text(fixture.resolver.ofAddress(0, 0, 0, 0)), 'none ')
  })

  it('is never that of an id of an epoch that has ended', () => {
    const fixture = new Fixture()
    fixture.resolve({ sni: 'old.example.com', cluster: WILDCARD })
    for (let i = 0; i < 65_536; i++) {
      const bytes = Buffer.from(`n${i}`)
      fixture.texts.intern(bytes, 0, bytes.length)
    }
    assert.equal(fixture.texts.resetIfFull(), true)
    assert.equal(text(fixture.resolve({ sni: 'new.example.com' })), 'sni new.example.com')
    assert.equal(text(fixture.resolve({ cluster: EXACT })), 'cluster cluster.example.com')
  })
})
