import { INVALID_NAME } from '../model/destination.ts'
import { normaliseName } from './destination-name.ts'

/**
 * Istio's name of a cluster in the form that fits in an SNI: `outbound_.443_.subset_.host` (pilot's
 * BuildDNSSrvSubsetKey). Sidecars send it to each other and to gateways, and gateways that pass TLS
 * through by it (AUTO_PASSTHROUGH) have clusters of that name. Clients send any case.
 */
const MESH_NAME = /^(?:outbound|inbound(?:-[a-z]+)?)_\./i
const PARTS = 4

/**
 * The host in a mesh name; '' where that is a wildcard: no host. `__invalid__` where it begins as a mesh
 * name and is none. Undefined for every other text.
 */
export function hostOfMeshName(text: string): string | undefined {
  if (!MESH_NAME.test(text)) return undefined
  // The subset may be empty: `outbound_.443_._.host`.
  const parts = text.split('_.')
  const [, port = '', , host = ''] = parts
  if (parts.length !== PARTS || !/^\d{1,5}$/.test(port)) return INVALID_NAME
  return /^\*(?:\.|$)/.test(host) ? '' : normaliseName(host)
}
