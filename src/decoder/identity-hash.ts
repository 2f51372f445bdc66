import { hash } from 'node:crypto'

/** What an identity is made of; part of the hash, so that no two kinds can collide. */
export type IdentityTag = 'stream-id' | 'request' | 'no-stream-id' | 'of-node'

/**
 * 128-bit identity of what has no UUID: the first 16 bytes of SHA-256 over the tag and the parts, each
 * with its length, so that no two lists of parts give the same input. SHA-256 because clients choose
 * x-request-id: nobody can make two requests look like one.
 *
 * Allocates: requests and Envoys before 1.25 only, never connections of a current Envoy.
 */
export function identityHash(
  tag: IdentityTag,
  parts: readonly Uint8Array[],
  words: Int32Array,
  at: number,
): void {
  let length = tag.length + 1
  for (const part of parts) length += 4 + part.length
  const input = Buffer.allocUnsafe(length)
  let position = input.write(tag, 0, 'latin1')
  input[position++] = 0
  for (const part of parts) {
    position = input.writeUInt32LE(part.length, position)
    input.set(part, position)
    position += part.length
  }
  const digest = hash('sha256', input, 'buffer')
  for (let word = 0; word < 4; word++) words[at + word] = digest.readInt32BE(word * 4)
}

/**
 * Makes the identity at `words[at]`, which says nothing of its sender, the sender's own: the hash of the
 * node's scope and of the identity. In two steps, so that an identity that a file holds without its
 * node can be made the node's as well (migration of connections).
 */
export function scopeIdentity(scope: Uint8Array, words: Int32Array, at: number): void {
  const base = Buffer.allocUnsafe(16)
  for (let word = 0; word < 4; word++) base.writeInt32BE(words[at + word] as number, word * 4)
  identityHash('of-node', [scope, base], words, at)
}
