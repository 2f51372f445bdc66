import { isIPv6 } from 'node:net'

/**
 * What budgets know an IP address by: an IPv4 address (also one mapped into IPv6) as it is; of an IPv6
 * address its /64 network, which one host can have to itself. Other texts stay as they are.
 */
export function addressKey(address: string): string {
  const host = unmapped(address)
  if (!isIPv6(host)) return host
  // The WHATWG parser writes every IPv6 address one way; its groups are filled up from the gap.
  const canonical = new URL(`http://[${host}]`).hostname.slice(1, -1)
  const [before = '', after] = canonical.split('::')
  const groups = before === '' ? [] : before.split(':')
  const rest = after === undefined || after === '' ? [] : after.split(':')
  const all = [
    ...groups,
    ...Array.from({ length: 8 - groups.length - rest.length }, () => '0'),
    ...rest,
  ]
  return `${all.slice(0, 4).join(':')}::/64`
}

/** Without zone; an IPv4 address that is mapped into IPv6 as IPv4. */
export function unmapped(address: string): string {
  const [host = ''] = address.split('%')
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
}
