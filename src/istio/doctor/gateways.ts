import { fieldsOf, numberOf } from '../untyped.ts'
import { type ClusterObject, hasLabels, specList } from '../yaml-stream.ts'
import { error, type Finding, nameOf } from './finding.ts'
import { isAmbient, isWildcard, type Mesh } from './mesh.ts'
import { intendsFlush, type Patch } from './patch.ts'
import { isForWaypoint, selectsGateway } from './placement.ts'

/** Egress gateways and waypoints, which have rules of their own. */
export function* checkGateways(mesh: Mesh): Generator<Finding> {
  for (const patch of mesh.patches) {
    if (patch.context === 'GATEWAY' && intendsFlush(patch)) yield* checkGatewayPort(mesh, patch)
  }
  yield* checkWaypoints(mesh)
}

/** A gateway listens on the port of its pods (targetPort), not on the Service's (measured). */
function* checkGatewayPort(mesh: Mesh, { owner, number, portNumber }: Patch): Generator<Finding> {
  const wanted = fieldsOf(fieldsOf(owner.spec['workloadSelector'])['labels'])
  const ports = mesh
    .ofKind('Service')
    .filter(({ namespace, spec }) => {
      const selector = fieldsOf(spec['selector'])
      const isSelecting = Object.keys(wanted).length > 0 && hasLabels(selector, wanted)
      return namespace === owner.namespace && isSelecting
    })
    .flatMap((service) => specList(service, 'ports'))
  const behind = ports.find(
    (port) => numberOf(port['port']) === portNumber && numberOf(port['targetPort']) !== portNumber,
  )
  const podPort = numberOf(behind?.['targetPort'])
  if (podPort === undefined) return
  yield error(
    'gateway-port',
    `${nameOf(owner)} patch ${number}`,
    `matches port ${portNumber} of the gateway's Service; its pods listen on ${podPort}`,
    `use portNumber: ${podPort}`,
  )
}

/** The mesh-wide Telemetry is CLIENT and gives a waypoint nothing; only targetRefs reach it. */
function* checkWaypoints(mesh: Mesh): Generator<Finding> {
  const isLogging = mesh.uses.some(
    ({ provider }) => provider !== undefined && mesh.isOurs(provider),
  )
  for (const entry of mesh.entries) {
    if (!entry.isExternal || !isAmbient(mesh, entry) || !entry.hosts.some(isWildcard)) continue
    const { namespace } = entry.object
    const reaches = (object: ClusterObject): boolean =>
      object.namespace === namespace && isForWaypoint(mesh, object)
    const isLogged = mesh.uses.some(
      ({ owner, provider }) =>
        provider !== undefined &&
        mesh.isOurs(provider) &&
        (reaches(owner) || selectsGateway(owner)),
    )
    if (isLogging && !isLogged) {
      yield error(
        'waypoint-unlogged',
        entry.object,
        'leaves through a waypoint that no Telemetry with our provider targets: nothing is reported',
        `add a Telemetry in ${namespace} with targetRefs to the waypoint and mode: SERVER`,
      )
    } else if (
      isLogged &&
      !mesh.patches.some((patch) => intendsFlush(patch) && reaches(patch.owner))
    ) {
      yield error(
        'flush-missing',
        entry.object,
        'leaves through a waypoint without a flush interval: a connection is reported only when it closes',
        `add an EnvoyFilter in ${namespace} with targetRefs to the waypoint (listener main_internal)`,
      )
    }
  }
}
