import type { ClusterObject } from '../yaml-stream.ts'
import { checkEnvoyFilters } from './envoy-filters.ts'
import { checkExpressions } from './expressions.ts'
import { type Finding, sortedFindings } from './finding.ts'
import { checkFlush } from './flush.ts'
import { checkGateways } from './gateways.ts'
import { type DoctorOptions, readMesh } from './mesh.ts'
import { checkAnything, checkTelemetries } from './placement.ts'
import { checkMeshConfig } from './providers.ts'
import { checkReceiver } from './receiver.ts'
import { checkServiceEntries } from './service-entries.ts'
import { checkSidecars } from './sidecars.ts'
import { checkTunnels } from './tunnels.ts'

const CHECKS = [
  checkMeshConfig,
  checkAnything,
  checkTelemetries,
  checkExpressions,
  checkEnvoyFilters,
  checkFlush,
  checkServiceEntries,
  checkSidecars,
  checkGateways,
  checkReceiver,
  checkTunnels,
]

/**
 * Everything that is wrong with how a mesh reports to snimeter, worst first, as far as the objects
 * show it; what was not given is a note. Objects that have nothing to do with it are passed over.
 * Pure: the same objects in the same order give the same findings.
 */
export function diagnose(objects: readonly ClusterObject[], options: DoctorOptions): Finding[] {
  const mesh = readMesh(objects, options)
  return sortedFindings(CHECKS.flatMap((check) => [...check(mesh)]))
}
