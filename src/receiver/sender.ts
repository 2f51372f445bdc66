import type { PeerCertificate } from 'node:tls'
import type { Sender } from '../model/sender.ts'
import { addressKey, unmapped } from '../runtime/address-key.ts'
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
