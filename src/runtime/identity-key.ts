/** The 16 bytes by which the file knows the identity of four big-endian words at `words[at]`; a new array. */
export function identityKey(words: Int32Array, at: number): Uint8Array {
  const key = new Uint8Array(16)
  const view = new DataView(key.buffer)
  for (let word = 0; word < 4; word++) view.setInt32(word * 4, words[at + word] as number)
  return key
}
