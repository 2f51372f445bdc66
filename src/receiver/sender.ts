import { isIPv6 } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import type { Sender } from '../model/sender.ts'
import { certificateIdentity, forwardedIdentity } from './proven-identity.ts'

/** What a call says of who opened it. */
export interface Peer {
  /** As gRPC writes it: `ip:port`, `[ipv6]:port`. */
  readonly address: string
  /** The client certificate that TLS has verified, if there is one. */
  readonly certificate?: Partial<PeerCertificate> | undefined
  /** Values of `x-forwarded-client-cert`. */
  readonly forwarded?: readonly (string | Buffer)[]
}

/** Where connections of our own sidecar come from: 127.0.0.6 or ::6 in Istio, loopback elsewhere. */
const OWN_PROXY = new Set(['127.0.0.1', '127.0.0.6', '::1', '::6'])

/**
 * The sender of a call. Its key is what it cannot choose: the identity that its certificate proves, to
 * us or to our own sidecar; else its address.
 */
export function senderOf({ address, certificate, forwarded = [] }: Peer): Sender {
  const host = address.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')
  const proven =
    certificateIdentity(certificate) ??
    (OWN_PROXY.has(unmapped(host)) ? forwardedIdentity(forwarded) : undefined)
  return { address, key: proven ?? addressKey(host) }
}

/** An IPv4 address (also one mapped into IPv6) as it is; of an IPv6 address its /64 network. */
function addressKey(address: string): string {
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
function unmapped(address: string): string {
  const [host = ''] = address.split('%')
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
}
