import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseUuid } from '../../src/decoder/uuid.ts'

const parse = (text: string): string | undefined => {
  const words = new Int32Array(6)
  const bytes = Buffer.from(`0${text}0`)
  if (!parseUuid(bytes, 1, bytes.length - 1, words, 1)) return undefined
  return [...words.subarray(1, 5)]
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('')
}

describe('the parser of UUIDs', () => {
  it('gives the 16 bytes, whatever the case', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), (uuid, upper) => {
        assert.equal(parse(upper ? uuid.toUpperCase() : uuid), uuid.replaceAll('-', ''))
      }),
    )
    assert.equal(parse('ffffffff-ffff-ffff-ffff-ffffffffffff'), 'f'.repeat(32))
  })

  it('refuses everything else', () => {
    assert.equal(parse(''), undefined)
    assert.equal(parse('0f8fad5b-d9cb-469f-a165-70867728950'), undefined)
    assert.equal(parse('0f8fad5b-d9cb-469f-a165-70867728950g'), undefined)
    assert.equal(parse('0f8fad5bd-9cb-469f-a165-70867728950e'), undefined)
    assert.equal(parse('0f8fad5b-d9cb-469f-a165_70867728950e'), undefined)
    assert.equal(parse('{f8fad5b-d9cb-469f-a165-70867728950}'), undefined)
  })
})
