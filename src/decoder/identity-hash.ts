import { hash } from 'node:crypto'
import { input, MAX_INPUT_BYTES, sha256 } from './sha256.ts'

/** What an identity is made of; part of the hash, so that no two kinds can collide. */
export type IdentityTag = 'stream-id' | 'request' | 'no-stream-id' | 'of-node'

/**
 * 128-bit identity of what has no UUID: the first 16 bytes of SHA-256 over the tag and the parts, each
 * with its length, so that no two lists of parts give the same input. SHA-256 because clients choose
 * x-request-id: nobody can make two requests look like one.
 */
export function identityHash(
  tag: IdentityTag,
  parts: readonly Uint8Array[],
  words: Int32Array,
  at: number,
): void {
  let length = tag.length + 1
  for (const part of parts) length += 4 + part.length
  const isShort = length <= MAX_INPUT_BYTES
  const into = isShort ? input : new Uint8Array(length)
  write(tag, parts, into)
  if (isShort) {
    const digest = sha256(length)
    for (let word = 0; word < 4; word++) words[at + word] = digest[word] as number
  } else {
    const digest = hash('sha256', into, 'buffer')
    for (let word = 0; word < 4; word++) words[at + word] = digest.readInt32BE(word * 4)
  }
}

function write(tag: string, parts: readonly Uint8Array[], into: Uint8Array): void {
  let at = 0
  for (let i = 0; i < tag.length; i++) into[at++] = tag.charCodeAt(i)
  into[at++] = 0
  for (const part of parts) {
    const { length } = part
    for (let shift = 0; shift < 32; shift += 8) into[at++] = length >>> shift
    // Most are some bytes: `set` is a call into the runtime.
    for (let i = 0; i < length; i++) into[at++] = part[i] as number
  }
}

const base = new Uint8Array(16)
const words32 = new DataView(base.buffer)

/**
 * Makes the identity at `words[at]`, which says nothing of its sender, the sender's own: the hash of the
 * node's scope and of the identity. In two steps, so that an identity that a file holds without its
 * node can be made the node's as well (migration of connections).
 */
export function scopeIdentity(scope: Uint8Array, words: Int32Array, at: number): void {
  for (let word = 0; word < 4; word++) words32.setInt32(word * 4, words[at + word] as number)
  identityHash('of-node', [scope, base], words, at)
}
