import type { MeshObject } from './mesh-object.ts'
import { waypointRef } from './waypoint.ts'

/** One entry of `spec.accessLogging`: this provider for these connections. */
export interface AccessLogging {
  readonly mode: 'CLIENT' | 'SERVER'
  readonly provider: string
  readonly expression: string
}

const accessLogging = ({ mode, provider, expression }: AccessLogging) => ({
  match: { mode },
  providers: [{ name: provider }],
  filter: { expression },
})

/** The Telemetry of the root namespace, under the name that Istio's own documentation uses. */
export function meshTelemetry(rootNamespace: string, logs: readonly AccessLogging[]): MeshObject {
  return {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'mesh-default', namespace: rootNamespace },
    spec: { accessLogging: logs.map(accessLogging) },
  }
}

/** For one waypoint: the mesh-wide Telemetry is CLIENT, and a waypoint logs as SERVER. */
export function waypointTelemetry(
  namespace: string,
  waypoint: string,
  log: AccessLogging,
): MeshObject {
  return {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'snimeter', namespace },
    spec: { targetRefs: [waypointRef(waypoint)], accessLogging: [accessLogging(log)] },
  }
}

/** Keeps an egress gateway out of the bill: the same bytes pass there once more. */
export function silentGateway(namespace: string, selector: string, provider: string): MeshObject {
  return {
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'no-double-count', namespace },
    spec: {
      selector: { matchLabels: { istio: selector } },
      accessLogging: [
        { match: { mode: 'CLIENT' }, providers: [{ name: provider }], disabled: true },
      ],
    },
  }
}
