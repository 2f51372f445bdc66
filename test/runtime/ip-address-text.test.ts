import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalAddress, canonicalAddressText } from '../../src/runtime/ip-address-text.ts'

describe('an address that is written as text', () => {
  it('has one canonical form', () => {
    const written: [text: string, canonical: string][] = [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::FFFF:c000:0207', '192.0.2.7'],
      ['0:0:0:0:0:ffff:c000:207', '192.0.2.7'],
      ['[::ffff:192.0.2.7]', '192.0.2.7'],
      ['::192.0.2.7', '::c000:207'],
      ['2001:DB8::0:1', '2001:db8::1'],
      ['[2001:db8::1%25eth0]', '2001:db8::1'],
      ['fe80::1%eth0', 'fe80::1'],
      ['::', '::'],
      ['::1', '::1'],
      ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ]
    for (const [text, canonical] of written)
      assert.equal(canonicalAddressText(text), canonical, text)
  })

  it('is none where programs disagree on it, or more stands beside it', () => {
    const others = [
      ['', 'a', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '010.0.0.1', '0x7f.1', '2130706433'],
      [
        '1.2.3.4:80',
        '[1.2.3.4]',
        '1.2.3.4%eth0',
        ' 1.2.3.4',
        '1.2.3.4/8',
        '[::1]:80',
        '[::1',
        '::1]',
      ],
      [':::', '1::2::3', 'g::1', '::1/64', '%eth0', '[]', '１.2.3.4'],
    ].flat()
    for (const text of others) assert.equal(canonicalAddressText(text), undefined, text)
  })

  it('agrees with the form of upstream addresses', () => {
    const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(word, word, word, word, (w0, w1, w2, w3) => {
        const canonical = canonicalAddress(w0, w1, w2, w3)
        if (canonical !== '') assert.equal(canonicalAddressText(canonical), canonical)
      }),
    )
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = canonicalAddressText(text)
        assert.ok(canonical !== undefined)
        assert.equal(canonicalAddressText(canonical), canonical)
      }),
    )
  })
})
