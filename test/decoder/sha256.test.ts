import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import fc from 'fast-check'
import { input, MAX_INPUT_BYTES, sha256 } from '../../src/decoder/sha256.ts'

const hexOf = (words: Int32Array): string => {
  const bytes = Buffer.alloc(32)
  words.forEach((word, i) => bytes.writeInt32BE(word, i * 4))
  return bytes.toString('hex')
}

const hashed = (data: Uint8Array): string => {
  input.set(data)
  return hexOf(sha256(data.length))
}

const expected = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

it('every length gives what the runtime gives', () => {
  for (let length = 0; length <= MAX_INPUT_BYTES; length++) {
    const data = Buffer.alloc(length, length)
    assert.equal(hashed(data), expected(data), `${length} bytes`)
  }
})

it('law: any input gives what the runtime gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MAX_INPUT_BYTES }), (data) => {
      assert.equal(hashed(data), expected(data))
    }),
    { numRuns: 500 },
  )
})
