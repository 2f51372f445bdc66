import type { MeshObject } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'

/** TLS from the sidecar on port 80 of an exact host; server name and certificate checks follow it. */
export function originateTls({ namespace }: MeshRequest, host: string): MeshObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: host, namespace },
    spec: {
      host,
      trafficPolicy: {
        portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE' } }],
      },
    },
  }
}
