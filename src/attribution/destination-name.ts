import { INVALID_NAME } from '../model/destination.ts'

const MAX_NAME = 253
/**
 * ASCII letters, digits, hyphen, underscore, in labels between dots. Matched before the case is
 * lowered: there are letters outside ASCII whose lower case is inside (the Kelvin sign is a `k`).
 */
const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

/**
 * A name as it is billed: lower case, without a trailing dot, checked. What fails the check, or starts
 * with `__` (reserved), is `__invalid__`: names are chosen by clients and never trusted as text.
 */
export function normaliseName(text: string): string {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  return isName(name) ? name.toLowerCase() : INVALID_NAME
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

function isName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME && !name.startsWith('__') && NAME.test(name)
}
