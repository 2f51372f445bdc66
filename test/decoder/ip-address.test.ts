import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseIpAddress } from '../../src/decoder/ip-address.ts'
import { canonicalAddress } from '../../src/runtime/ip-address-text.ts'

/** The canonical text of what was parsed, '' for what is no address. */
const parsed = (text: string): string => {
  const words = new Int32Array(6).fill(-1)
  const bytes = Buffer.from(`:${text}:`)
  const ok = parseIpAddress(bytes, 1, bytes.length - 1, words, 1)
  assert.equal(words[0], -1)
  assert.equal(words[5], -1)
  const [, a = 0, b = 0, c = 0, d = 0] = words
  if (!ok) assert.deepEqual([a, b, c, d], [0, 0, 0, 0])
  return canonicalAddress(a, b, c, d)
}

describe('the parser of IP addresses', () => {
  it('reads IPv4, and IPv6 in all its forms', () => {
    assert.equal(parsed('203.0.113.10'), '203.0.113.10')
    assert.equal(parsed('255.255.255.255'), '255.255.255.255')
    assert.equal(parsed('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
    assert.equal(parsed('2001:db8::'), '2001:db8::')
    assert.equal(parsed('::1'), '::1')
    assert.equal(parsed('1:2:3:4:5:6:7::'), '1:2:3:4:5:6:7:0')
    assert.equal(parsed('64:ff9b::192.0.2.1'), '64:ff9b::c000:201')
  })

  it('reads IPv4-mapped IPv6 as IPv4 and leaves zones out', () => {
    assert.equal(parsed('::ffff:10.0.0.1'), '10.0.0.1')
    assert.equal(parsed('::FFFF:a00:1'), '10.0.0.1')
    assert.equal(parsed('fe80::1%eth0'), 'fe80::1')
  })

  it('refuses what is no address', () => {
    const others = [
      ['', '.', ':', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1..2.3', '01.2.3.4', '1.2.3.4.'],
      ['1:2', ':1::', '1::2::3', '1:2:3:4:5:6:7:8:9', '12345::', '1:2:3:4:5:6:7:1.2.3.4'],
      [':::', '1:', '::g', 'example.com', '1.2.3.4:80', '[::1]', '::1.2.3', '1.2.3.4::'],
    ].flat()
    for (const text of others) assert.equal(parsed(text), '', text)
  })

  it('agrees with the platform on what is an address', () => {
    const text = fc.string({
      unit: fc.constantFrom(...Array.from('0125af:.:')),
      minLength: 1,
      maxLength: 24,
    })
    fc.assert(
      fc.property(fc.oneof(text, fc.ipV4(), fc.ipV6()), (candidate) => {
        const zero = /^[0:.]*$/.test(candidate)
        if (!zero) assert.equal(parsed(candidate) !== '', isIP(candidate) !== 0)
      }),
      { numRuns: 5000 },
    )
  })
})
