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
 * False, with the words as they were, if the bytes are none. Makes no string.
 */
export function parseUuid(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
  at: number,
): boolean {
  if (end - start !== TEXT_LENGTH) return false
  if (bytes[start + 8] !== DASH || bytes[start + 13] !== DASH) return false
  if (bytes[start + 18] !== DASH || bytes[start + 23] !== DASH) return false
  const a = hex(bytes, start)
  const b = hex(bytes, start + 4)
  const c = hex(bytes, start + 9)
  const d = hex(bytes, start + 14)
  const e = hex(bytes, start + 19)
  const f = hex(bytes, start + 24)
  const g = hex(bytes, start + 28)
  const h = hex(bytes, start + 32)
  if ((a | b | c | d | e | f | g | h) < 0) return false
  words[at] = (a << 16) | b
  words[at + 1] = (c << 16) | d
  words[at + 2] = (e << 16) | f
  words[at + 3] = (g << 16) | h
  return true
}

/** The value of four hex digits; negative if one of them is none. */
function hex(bytes: Uint8Array, at: number): number {
  return (
    ((HEX[bytes[at] as number] as number) << 12) |
    ((HEX[bytes[at + 1] as number] as number) << 8) |
    ((HEX[bytes[at + 2] as number] as number) << 4) |
    (HEX[bytes[at + 3] as number] as number)
  )
}
