import type { MeshObject } from './mesh-object.ts'

/** The Gateway that istiod makes a waypoint of. */
export function waypointGateway(namespace: string, name: string): MeshObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }],
    },
  }
}

/** What Telemetry and EnvoyFilter are addressed to a waypoint with; it ignores selectors. */
export const waypointRef = (name: string) => ({
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name,
})
