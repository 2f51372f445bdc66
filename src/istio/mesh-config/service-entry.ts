import { apexOf } from './hosts.ts'
import type { Section } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'

/** How the proxy finds the address of a wildcard host. */
export type Resolution = 'NONE' | 'DYNAMIC_DNS'

/** `tls` for 443, else a name of its own: port names are unique in a ServiceEntry. */
const portName = (port: number): string => (port === 443 ? 'tls' : `tls-${port}`)

const tlsPorts = (ports: readonly number[]) =>
  ports.map((number) => ({ name: portName(number), number, protocol: 'TLS' }))

/** The wildcard hosts in one ServiceEntry. */
export function wildcardServiceEntry(
  { ports, namespace }: MeshRequest,
  hosts: readonly string[],
  resolution: Resolution,
  labels?: Readonly<Record<string, string>>,
): Section['object'] {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'wildcard', namespace, ...(labels === undefined ? {} : { labels }) },
    spec: { hosts, location: 'MESH_EXTERNAL', ports: tlsPorts(ports), resolution },
  }
}

/**
 * One wildcard host behind an egress gateway. A gateway has no endpoints for resolution NONE, and its
 * DYNAMIC_DNS dials port 80 (both measured): one common endpoint, the name behind the star, takes all.
 */
export function gatewayServiceEntry(
  { ports, namespace }: MeshRequest,
  wildcard: string,
): Section['object'] {
  const apex = apexOf(wildcard)
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: apex, namespace },
    spec: {
      hosts: [wildcard],
      location: 'MESH_EXTERNAL',
      ports: tlsPorts(ports),
      resolution: 'DNS',
      endpoints: [{ address: apex }],
    },
  }
}

/**
 * One exact host: the app speaks HTTP to port 80 and the sidecar TLS to `targetPort`, or the app
 * speaks TLS itself.
 */
export function exactServiceEntry(
  { namespace }: MeshRequest,
  host: string,
  port: number,
): Section['object'] {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: host, namespace },
    spec: {
      hosts: [host],
      location: 'MESH_EXTERNAL',
      ports: [
        { name: 'http', number: 80, protocol: 'HTTP', targetPort: port },
        { name: 'https', number: port, protocol: 'TLS' },
      ],
      resolution: 'DNS',
    },
  }
}
