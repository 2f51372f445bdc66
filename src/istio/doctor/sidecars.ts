import { textsOf } from '../untyped.ts'
import { type ClusterObject, specList } from '../yaml-stream.ts'
import { error, type Finding, nameOf } from './finding.ts'
import { isAmbient, isWildcard, type Mesh } from './mesh.ts'

/**
 * `Sidecar` resources limit what a proxy knows. Without the receiver its cluster is gone while the
 * access log stays: Envoy accepts it, every entry is lost, and only `grpc_entries_flush_failed` (Envoy
 * 1.39 and later) moves (measured live).
 */
export function* checkSidecars(mesh: Mesh): Generator<Finding> {
  const { receiver, receiverHost } = mesh
  for (const sidecar of mesh.ofKind('Sidecar')) {
    // Without egress everything is imported.
    if (!Array.isArray(sidecar.spec['egress'])) continue
    const imports = specList(sidecar, 'egress').flatMap(({ hosts }) => textsOf(hosts))
    if (!isImported(sidecar, imports, receiver.namespace, receiverHost)) {
      yield error(
        'sidecar-hides-receiver',
        sidecar,
        `does not import ${receiverHost}: every access log entry of its workloads is lost`,
        `add "${receiver.namespace}/*" to egress[].hosts`,
      )
    }
    for (const entry of mesh.entries) {
      if (!entry.isExternal || isAmbient(mesh, entry)) continue
      const { namespace } = entry.object
      const hidden = entry.hosts
        .filter(isWildcard)
        .filter((host) => !isImported(sidecar, imports, namespace, host))
      if (hidden.length === 0) continue
      yield error(
        'sidecar-hides-hosts',
        sidecar,
        `does not import ${hidden.join(', ')} of ${nameOf(entry.object)}: they have no chain in its workloads`,
        `add "${namespace}/*" to egress[].hosts`,
      )
    }
  }
}

/** `namespace/host` with `*`, `.` and `~` for namespaces and `*` or `*.suffix` for hosts. */
function isImported(
  sidecar: ClusterObject,
  imports: readonly string[],
  namespace: string,
  host: string,
): boolean {
  return imports.some((line) => {
    const [where = '', what = ''] = line.split('/')
    const inNamespace =
      where === '*' || where === namespace || (where === '.' && sidecar.namespace === namespace)
    const isHost =
      what === '*' || what === host || (isWildcard(what) && host.endsWith(what.slice(1)))
    return inNamespace && isHost
  })
}
