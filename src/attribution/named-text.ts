import { type Destination, INVALID_NAME, type NameSource } from '../model/destination.ts'
import { canonicalAddressText } from '../runtime/ip-address-text.ts'
import { normaliseName } from './destination-name.ts'
import { hostOfMeshName } from './mesh-name.ts'

/**
 * What the text of an SNI or an authority names.
 *
 *   name     a host name
 *   cluster  a cluster of the mesh, by its name in an SNI: the destination is that cluster's host
 *   address  an IP address: no name (RFC 6066 forbids it in an SNI), yet where the client wanted to go
 *   hop      a gateway, or a cluster of many hosts: on the way, and never a destination
 *   invalid  no name; the destination is `__invalid__`
 */
export type NamedText =
  | { readonly kind: 'name' | 'cluster' | 'address' | 'invalid'; readonly destination: Destination }
  | { readonly kind: 'hop' }

const HOP: NamedText = { kind: 'hop' }

/** Reads the host of an SNI or an authority, which a client has chosen. */
export function readNamedText(
  text: string,
  nameSource: NameSource,
  gateways: ReadonlySet<string>,
): NamedText {
  const host = hostOfMeshName(text)
  if (host !== undefined) return meshName(host, nameSource, gateways)
  const address = canonicalAddressText(text.endsWith('.') ? text.slice(0, -1) : text)
  if (address !== undefined) return { kind: 'address', destination: { name: address, nameSource } }
  const name = normaliseName(text)
  if (gateways.has(name)) return HOP
  return { kind: name === INVALID_NAME ? 'invalid' : 'name', destination: { name, nameSource } }
}

function meshName(host: string, nameSource: NameSource, gateways: ReadonlySet<string>): NamedText {
  if (host === '' || gateways.has(host)) return HOP
  if (host === INVALID_NAME) return { kind: 'invalid', destination: { name: host, nameSource } }
  return { kind: 'cluster', destination: { name: host, nameSource: 'cluster' } }
}
