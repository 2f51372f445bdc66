const DOT = 46
const COLON = 58
const PERCENT = 37
const ZERO = 48
const NINE = 57

/** Eight groups of the address being parsed; parsing is synchronous, so one is enough. */
const groups = new Uint16Array(8)
/** The IPv4 address that was parsed last: all 32 bits are its own, none is left to say "invalid". */
let ipv4 = 0

/**
 * Parses the text of an IPv4 or IPv6 address into four big-endian words at `words[at]`, IPv4 as
 * IPv4-mapped IPv6 (`::ffff:a.b.c.d`). A zone (`%eth0`) is left out. False, and all zero, if the text
 * is no address. Makes no string.
 */
export function parseIpAddress(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
  at: number,
): boolean {
  words[at] = 0
  words[at + 1] = 0
  words[at + 2] = 0
  words[at + 3] = 0
  // An address without a zone first: nearly all are IPv4, and need one look at each byte.
  if (parseIpv4(bytes, start, end)) {
    words[at + 2] = 0xffff
    words[at + 3] = ipv4
    return true
  }
  let stop = start
  while (stop < end && bytes[stop] !== PERCENT) stop++
  if (stop < end) return parseIpAddress(bytes, start, stop, words, at)
  if (!parseIpv6(bytes, start, stop)) return false
  for (let word = 0; word < 4; word++) {
    words[at + word] = ((groups[word * 2] as number) << 16) | (groups[word * 2 + 1] as number)
  }
  return true
}

/** Fills `ipv4`; false if the text is no IPv4 address. */
function parseIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let value = 0
  let part = 0
  let digits = 0
  let parts = 0
  for (let i = start; i <= end; i++) {
    const byte = i === end ? DOT : (bytes[i] as number)
    if (byte >= ZERO && byte <= NINE) {
      // A leading zero is refused, as inet_pton does: some read it as octal.
      if (digits > 0 && part === 0) return false
      part = part * 10 + byte - ZERO
      digits++
      if (digits > 3 || part > 255) return false
    } else if (byte === DOT && digits > 0) {
      value = (value << 8) | part
      parts++
      part = 0
      digits = 0
    } else {
      return false
    }
  }
  ipv4 = value
  return parts === 4
}

/** Fills `groups`; false if the text is no IPv6 address. */
function parseIpv6(bytes: Uint8Array, start: number, end: number): boolean {
  groups.fill(0)
  let count = 0
  let gap = -1
  let i = start
  if (bytes[i] === COLON) {
    if (bytes[i + 1] !== COLON || i + 2 > end) return false
    gap = 0
    i += 2
  }
  while (i < end) {
    let group = 0
    let digits = 0
    const groupStart = i
    while (i < end) {
      const digit = hexDigit(bytes[i] as number)
      if (digit < 0) break
      group = group * 16 + digit
      digits++
      i++
    }
    if (digits === 0 || digits > 4 || count === 8) return false
    if (i < end && bytes[i] === DOT) {
      if (count > 6 || !parseIpv4(bytes, groupStart, end)) return false
      groups[count++] = ipv4 >>> 16
      groups[count++] = ipv4 & 0xffff
      i = end
      break
    }
    groups[count++] = group
    if (i === end) break
    if (bytes[i] !== COLON) return false
    i++
    if (bytes[i] === COLON && i < end) {
      if (gap >= 0) return false
      gap = count
      i++
    } else if (i === end) {
      return false
    }
  }
  if (gap < 0) return count === 8
  if (count === 8) return false
  groups.copyWithin(8 - (count - gap), gap, count)
  groups.fill(0, gap, 8 - (count - gap))
  return true
}

function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO
  const lower = byte | 0x20
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
