import { error, type Finding, nameOf, warning } from './finding.ts'
import { type Entry, isAmbient, isTls, isWildcard, type Mesh } from './mesh.ts'
import { capturesDns } from './mesh-config.ts'
import {
  concernsAccessLog,
  intendsFlush,
  overlaps,
  type Patch,
  patchName,
  portOf,
  selectionOf,
} from './patch.ts'
import { isForWaypoint } from './placement.ts'

/** Seconds of a protobuf duration; undefined for anything else. */
function secondsOf(text: string | undefined): number | undefined {
  const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(text ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds)
}

/**
 * The interval at which open connections report. Pilot sets none: without a patch a connection is
 * reported only when it closes (measured).
 */
export function* checkFlush(mesh: Mesh): Generator<Finding> {
  const flushing = mesh.patches.filter(intendsFlush)
  for (const patch of flushing) yield* checkInterval(mesh, patch)
  yield* checkPairs(mesh, flushing)
  yield* checkDoubleLogs(mesh)
  if (mesh.entries.length === 0) return
  const isLogged = mesh.uses.length > 0 || mesh.patches.some(concernsAccessLog)
  if (!isLogged) return
  for (const entry of mesh.entries) {
    if (entry.isExternal && !isAmbient(mesh, entry)) yield* checkCoverage(mesh, entry, flushing)
  }
}

function* checkInterval({ options }: Mesh, patch: Patch): Generator<Finding> {
  const seconds = secondsOf(patch.flush ?? patch.deprecatedFlush)
  if (seconds === undefined) return
  if (seconds * 1000 > options.flushMs) {
    yield warning(
      'flush-long',
      patchName(patch),
      `reports open connections every ${seconds}s, and the receiver expects it every ${options.flushMs / 1000}s (ledger.flush_interval)`,
      "use a shorter one, or raise the receiver's and say so with --config",
    )
  }
  if (seconds < 1) {
    yield warning(
      'flush-short',
      patchName(patch),
      `makes every open connection speak each ${seconds}s`,
      'use 1s or more, like 15s',
    )
  }
}

/** Two patches on one chain: another way to say it (Envoy refuses), or another interval (the last wins). */
function* checkPairs({ rootNamespace }: Mesh, flushing: readonly Patch[]): Generator<Finding> {
  for (const [index, one] of flushing.entries()) {
    if (one.deprecatedFlush !== undefined && one.flush === undefined) {
      const other = flushing.find(
        (patch) => patch.flush !== undefined && overlaps(one, patch, rootNamespace),
      )
      yield other === undefined
        ? warning(
            'flush-deprecated',
            patchName(one),
            'sets access_log_flush_interval directly under TcpProxy, which is deprecated',
            'move it into access_log_options',
          )
        : error(
            'flush-conflict',
            patchName(one),
            `sets access_log_flush_interval directly under TcpProxy beside access_log_options of ${nameOf(other.owner)}: Envoy refuses the listener`,
            'remove it here',
          )
    }
    for (const other of flushing.slice(index + 1)) {
      if (one.flush === undefined || other.flush === undefined) continue
      // A namespace's or a workload's own interval comes after the mesh's, and is meant to.
      const isSameScope =
        one.owner.namespace === other.owner.namespace &&
        selectionOf(one.owner) === selectionOf(other.owner)
      if (!isSameScope || !overlaps(one, other, rootNamespace)) continue
      yield warning(
        'flush-overlap',
        patchName(other),
        `sets the flush interval (${other.flush}) of chains where ${patchName(one)} sets it too (${one.flush}): the last one applied wins`,
        'keep one',
      )
    }
  }
}

/** MERGE appends to access_log: two entries, two streams, every byte twice (seen live). */
function* checkDoubleLogs(mesh: Mesh): Generator<Finding> {
  const logging = mesh.patches.filter(({ accessLogs }) => accessLogs.length > 0)
  for (const [index, patch] of logging.entries()) {
    const waypoint = isForWaypoint(mesh, patch.owner)
    const use = mesh.uses.find(
      ({ provider, isDisabled, owner }) =>
        provider !== undefined &&
        mesh.isOurs(provider) &&
        !isDisabled &&
        isForWaypoint(mesh, owner) === waypoint,
    )
    if (use !== undefined) {
      yield error(
        'logged-twice',
        patchName(patch),
        `adds an access log, and ${nameOf(use.owner)} adds ${use.provider}: every byte is reported twice`,
        'keep one of the two',
      )
    }
    const twin = logging.slice(0, index).find((other) => overlaps(other, patch, mesh.rootNamespace))
    if (twin !== undefined || patch.accessLogs.length > 1) {
      yield error(
        'logged-twice',
        patchName(patch),
        twin === undefined
          ? `appends ${patch.accessLogs.length} access logs: every byte is reported as often`
          : `appends an access log to chains where ${patchName(twin)} does too: every byte is reported twice`,
        'keep one',
      )
    }
  }
}

function* checkCoverage(mesh: Mesh, entry: Entry, flushing: readonly Patch[]): Generator<Finding> {
  for (const port of entry.ports.filter(isTls)) {
    const uncovered = entry.hosts.filter(
      (host) =>
        !flushing.some((patch) => covers(mesh, patch, entry, host, port.number)) &&
        // Exact hosts may be none of ours; those of the exact-host variant are covered by port too.
        (isWildcard(host) || flushing.length === 0),
    )
    if (uncovered.length === 0) continue
    yield error(
      'flush-missing',
      entry.object,
      `${uncovered.join(', ')} on port ${port.number} has no flush interval: a connection is reported only when it closes`,
      `add a patch with portNumber: ${port.number} to the flush EnvoyFilter`,
    )
  }
}

/** Whether a patch was written for the chain of a host; what is wrong with it is told elsewhere. */
function covers(mesh: Mesh, patch: Patch, entry: Entry, host: string, port: number): boolean {
  const { context, sni, chainName, listenerName } = patch
  if (isForWaypoint(mesh, patch.owner) || context === 'GATEWAY') return false
  if ((portOf(patch) ?? port) !== port) return false
  // `0.0.0.0_443` is not the listener of a virtual address.
  const isVirtual = entry.resolution === 'DYNAMIC_DNS' && capturesDns(mesh.meshConfig)
  if (listenerName !== undefined && isVirtual) return false
  if (chainName !== undefined) return false
  return sni === undefined || sni === '*' || sni === host
}
