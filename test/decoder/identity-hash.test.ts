import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { identityHash } from '../../src/decoder/identity-hash.ts'

const hashOf = (...[tag, ...parts]: [Parameters<typeof identityHash>[0], ...string[]]): string => {
  const words = new Int32Array(4)
  identityHash(
    tag,
    parts.map((part) => Buffer.from(part)),
    words,
    0,
  )
  return words.map((word) => word).join()
}

describe('hashed identities', () => {
  it('are 128 bits of SHA-256, which files keep: the input must never change', () => {
    const words = new Int32Array(4)
    identityHash('request', [Buffer.from('ab'), Buffer.from('c')], words, 0)
    const input = Buffer.from('request\0\x02\0\0\0ab\x01\0\0\0c', 'latin1')
    const digest = createHash('sha256').update(input).digest()
    assert.deepEqual(
      [...words],
      [0, 4, 8, 12].map((at) => digest.readInt32BE(at)),
    )
  })

  it('differ by kind and by where one part ends', () => {
    const hashes = [
      hashOf('request', 'ab', 'c'),
      hashOf('request', 'a', 'bc'),
      hashOf('request', 'abc'),
      hashOf('request', 'abc', ''),
      hashOf('stream-id', 'abc'),
      hashOf('no-stream-id', 'abc'),
    ]
    assert.equal(new Set(hashes).size, hashes.length)
  })
})
