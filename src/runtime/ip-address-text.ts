import { isIP } from 'node:net'

/**
 * Canonical text of an address of four words (IPv4 as IPv4-mapped IPv6): dotted IPv4, or IPv6 as in
 * RFC 5952; '' for all zero, which stands for no address.
 */
export function canonicalAddress(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0) return ''
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) {
    return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`
  }
  const groups = [w0, w1, w2, w3].flatMap((word) => [(word >>> 16) & 0xffff, word & 0xffff])
  const gap = longestZeros(groups)
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  if (gap.length < 2) return hex(0, 8)
  return `${hex(0, gap.start)}::${hex(gap.start + gap.length, 8)}`
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  })
  return best
}

/**
 * Canonical text of an address that is written as text: of IPv6 as in RFC 5952, with brackets or without,
 * without its zone; of IPv4-mapped IPv6 the IPv4 address. Undefined for every other text, those that some
 * programs read as an address (`010.0.0.1`, `0x7f.1`, `1.2.3`) included: they do not agree on which.
 */
export function canonicalAddressText(text: string): string | undefined {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const [address = ''] = inner.split('%')
  const version = isIP(address)
  if (version === 4) return inner === text && address === text ? text : undefined
  if (version !== 6) return undefined
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  return canonicalAddress(
    0,
    0,
    0xffff,
    (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16),
  )
}
