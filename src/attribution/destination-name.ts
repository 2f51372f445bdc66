import { INVALID_NAME } from '../model/destination.ts'

const MAX_NAME = 253
/** Letters, digits, hyphen, underscore, in labels between dots. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/**
 * A name as it is billed: lower case, without a trailing dot, checked. What fails the check, or starts
 * with `__` (reserved), is `__invalid__`: names are chosen by clients and never trusted as text.
 */
export function normaliseName(text: string): string {
  const lower = text.toLowerCase()
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  return isName(name) ? name : INVALID_NAME
}

/**
 * The exact host in an Istio cluster name (`outbound|443||host`, `inbound-vip|443|tcp|host`); '' where
 * there is none: wildcards, PassthroughCluster, clusters of other makers.
 */
export function exactHostOfCluster(cluster: string): string {
  const parts = cluster.split('|')
  const [direction, port, , host] = parts
  if (parts.length !== 4 || host === undefined || !/^\d+$/.test(port ?? '')) return ''
  if (direction !== 'outbound' && direction !== 'inbound-vip') return ''
  const name = normaliseName(host)
  return name === INVALID_NAME ? '' : name
}

/** The host of an HTTP authority, without its port; brackets of IPv6 addresses are taken off. */
export function hostOfAuthority(authority: string): string {
  if (authority.startsWith('[')) {
    const end = authority.indexOf(']')
    return end < 0 ? authority : authority.slice(1, end)
  }
  const colon = authority.lastIndexOf(':')
  // Two colons and no brackets: an IPv6 address written without them.
  if (colon < 0 || authority.indexOf(':') !== colon) return authority
  return /^\d*$/.test(authority.slice(colon + 1)) ? authority.slice(0, colon) : authority
}

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

function isName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME && !name.startsWith('__') && NAME.test(name)
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
