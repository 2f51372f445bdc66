const HEX = new Int8Array(256).fill(-1)
for (let i = 0; i < 10; i++) HEX[48 + i] = i
for (let i = 0; i < 6; i++) {
  HEX[65 + i] = 10 + i
  HEX[97 + i] = 10 + i
}

const TEXT_LENGTH = 36
const DASH = 45

/**
 * Parses the text of a UUID (8-4-4-4-12 hex digits) into four big-endian words at `words[at]`.
 * False, with nothing promised about the words, if the bytes are none. Makes no string.
 */
export function parseUuid(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
  at: number,
): boolean {
  if (end - start !== TEXT_LENGTH) return false
  let word = 0
  let digits = 0
  for (let i = 0; i < TEXT_LENGTH; i++) {
    const byte = bytes[start + i] as number
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (byte !== DASH) return false
      continue
    }
    const digit = HEX[byte] as number
    if (digit < 0) return false
    word = (word << 4) | digit
    digits++
    if ((digits & 7) === 0) words[at + (digits >> 3) - 1] = word
  }
  return true
}
