import { isIPv6 } from 'node:net'
import type { Sender } from '../model/sender.ts'

/** The sender of a call, from what gRPC says of its peer (`ip:port`, `[ipv6]:port`). */
export function senderOf(peer: string): Sender {
  return { address: peer, key: keyOf(peer.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) }
}

/** An IPv4 address (also one mapped into IPv6) as it is; of an IPv6 address its /64 network. */
function keyOf(address: string): string {
  const [host = ''] = address.split('%')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1]
  if (mapped !== undefined || !isIPv6(host)) return mapped ?? host
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
