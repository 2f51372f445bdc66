import { nearest } from '../../config/nearest.ts'
import type { ClusterObject } from '../yaml-stream.ts'
import { error, type Finding, nameOf, note, warning } from './finding.ts'
import { BUILT_IN_PROVIDERS, type Mesh } from './mesh.ts'
import { type AccessLogUse, isClient, isNamespaceWide, targetsOf } from './telemetry.ts'

const MODES = ['CLIENT', 'SERVER', 'CLIENT_AND_SERVER']

/** Which Telemetry is in force where, and what it replaces (`pilot/pkg/model/telemetry.go`, measured). */
export function* checkTelemetries(mesh: Mesh): Generator<Finding> {
  const ours = mesh.uses.filter(({ provider }) => provider !== undefined && mesh.isOurs(provider))
  const owners = new Set(ours.map(({ owner }) => owner))
  for (const use of mesh.uses) yield* checkUse(mesh, use)
  for (const owner of owners) {
    yield* checkPlace(mesh, owner, owners)
    yield* checkTwice(
      mesh,
      ours.filter((use) => use.owner === owner),
    )
  }
  yield* checkAges(mesh, owners)
  for (const owner of new Set(mesh.uses.map((use) => use.owner))) {
    yield* checkReplacement(mesh, owner, owners)
  }
}

function* checkUse(mesh: Mesh, use: AccessLogUse): Generator<Finding> {
  const { owner, provider, mode, isDisabled } = use
  if (!MODES.includes(mode)) {
    const meant = nearest(mode, MODES)
    yield error(
      'telemetry-mode',
      owner,
      `has mode ${mode}, which does not exist`,
      meant === undefined ? 'use CLIENT' : `did you mean ${meant}?`,
    )
    return
  }
  if (provider === undefined) return
  yield* checkName(mesh, owner, provider)
  if (!mesh.isOurs(provider)) return
  const waypoint = isForWaypoint(mesh, owner)
  if (isDisabled && isNamespaceWide(owner) && owner.namespace === mesh.rootNamespace) {
    yield error(
      'telemetry-disabled',
      owner,
      `disables ${provider} for the whole mesh`,
      'remove disabled: true',
    )
  } else if (waypoint && mode === 'CLIENT') {
    yield error(
      'waypoint-mode',
      owner,
      'has mode CLIENT, but a waypoint logs as SERVER: nothing is logged',
      'use mode: SERVER',
    )
  } else if (!waypoint && !selectsGateway(owner) && mode === 'SERVER' && !isDisabled) {
    yield error(
      'telemetry-mode',
      owner,
      `uses ${provider} with mode SERVER: sidecars would report what comes in and nothing that goes out`,
      'use mode: CLIENT',
    )
  }
}

function* checkName(mesh: Mesh, owner: ClusterObject, provider: string): Generator<Finding> {
  const { meshConfig } = mesh
  const { provider: expected } = mesh.options
  const defined = meshConfig?.providers.map(({ name }) => name) ?? [expected, `${expected}-http`]
  if (defined.includes(provider) || BUILT_IN_PROVIDERS.includes(provider)) return
  const meant = nearest(provider, defined)
  if (meshConfig === undefined && meant === undefined) return
  yield error(
    'provider-undefined',
    owner,
    `names provider ${provider}, which MeshConfig does not define: istiod skips it`,
    meant === undefined ? 'define it under extensionProviders' : `did you mean ${meant}?`,
  )
}

/** A Telemetry without a target counts mesh-wide in the root namespace and nowhere else. */
function* checkPlace(
  mesh: Mesh,
  owner: ClusterObject,
  owners: ReadonlySet<ClusterObject>,
): Generator<Finding> {
  const { rootNamespace, receiver } = mesh
  const selector = owner.spec['selector']
  if (selector !== undefined && owner.namespace === rootNamespace) {
    yield error(
      'telemetry-selector',
      owner,
      `has a selector: it reaches only workloads of ${rootNamespace}`,
      'remove the selector, so that it is for the whole mesh',
    )
    return
  }
  if (selectsGateway(owner)) {
    yield error(
      'waypoint-selector',
      owner,
      'selects a waypoint or Gateway by its labels, which waypoints ignore',
      'use targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: …}]',
    )
    return
  }
  if (!isNamespaceWide(owner) || owner.namespace === rootNamespace) return
  const isRootToo = [...owners].some(({ namespace }) => namespace === rootNamespace)
  if (owner.namespace === receiver.namespace) {
    yield error(
      'telemetry-namespace',
      owner,
      "is in the receiver's own namespace, where it reaches nobody else",
      `move it to the root namespace ${rootNamespace}`,
    )
  } else if (!isRootToo) {
    yield warning(
      'telemetry-namespace',
      owner,
      `reaches only workloads of ${owner.namespace}`,
      `move it to the root namespace ${rootNamespace} for the whole mesh`,
    )
  }
}

function* checkTwice(mesh: Mesh, uses: readonly AccessLogUse[]): Generator<Finding> {
  for (const [index, use] of uses.entries()) {
    const same = uses.slice(0, index).find((other) => isSameLog(mesh, other, use))
    if (same !== undefined) {
      yield error(
        'logged-twice',
        use.owner,
        `names ${String(same.provider)} and ${String(use.provider)}, which send the same to the same receiver: every entry comes twice`,
        'keep one of the two',
      )
    }
    const earlier = uses
      .slice(0, index)
      .find(({ provider, mode }) => provider === use.provider && mode === use.mode)
    if (earlier === undefined) continue
    yield error(
      'provider-twice',
      use.owner,
      `names ${use.provider} twice for mode ${use.mode}: only its last filter counts`,
      'join the filters with ||, or use a second provider with another name',
    )
  }
}

/** Two providers of one kind, both ours, for the same direction and with the same filter. */
function isSameLog(mesh: Mesh, a: AccessLogUse, b: AccessLogUse): boolean {
  if (a.provider === b.provider || a.mode !== b.mode || a.expression !== b.expression) return false
  const kindOf = ({ provider }: AccessLogUse) =>
    mesh.meshConfig?.providers.find(({ name }) => name === provider)?.kind
  return kindOf(a) !== undefined && kindOf(a) === kindOf(b)
}

/** Of several selector-less Telemetries of a namespace the oldest alone counts. */
function* checkAges(mesh: Mesh, owners: ReadonlySet<ClusterObject>): Generator<Finding> {
  const all = mesh.ofKind('Telemetry').filter(isNamespaceWide)
  for (const ours of owners) {
    if (!all.includes(ours)) continue
    for (const other of all) {
      if (other === ours || other.namespace !== ours.namespace) continue
      if (owners.has(other) && all.indexOf(other) < all.indexOf(ours)) continue
      const wins = winnerOf(ours, other)
      const fix = `merge the two into one Telemetry in ${ours.namespace}`
      if (wins === ours) {
        yield warning(
          'telemetry-second',
          other,
          `is ignored: ${nameOf(ours)} is older, and only one without a selector counts`,
          fix,
        )
      } else {
        yield error(
          'telemetry-second',
          ours,
          wins === undefined
            ? `stands beside ${nameOf(other)}: of two without a selector the older alone counts`
            : `is ignored: ${nameOf(other)} is older, and only one without a selector counts`,
          fix,
        )
      }
    }
  }
}

function winnerOf(one: ClusterObject, other: ClusterObject): ClusterObject | undefined {
  if (one.createdAt === undefined || other.createdAt === undefined) return undefined
  if (one.createdAt === other.createdAt) return undefined
  return one.createdAt < other.createdAt ? one : other
}

/**
 * The last level that names a provider for a mode replaces the set (root, namespace, workload).
 * Entries for SERVER, metrics, or a filter without providers leave ours in place (measured); to name
 * ours and disable it is what somebody wants.
 */
function* checkReplacement(
  mesh: Mesh,
  owner: ClusterObject,
  owners: ReadonlySet<ClusterObject>,
): Generator<Finding> {
  const isRootWide = owner.namespace === mesh.rootNamespace && isNamespaceWide(owner)
  if (isRootWide || owners.has(owner) || isForWaypoint(mesh, owner)) return
  const isOursAbove = [...owners].some(
    (one) => one.namespace === mesh.rootNamespace || one.namespace === owner.namespace,
  )
  if (!isOursAbove) return
  const uses = mesh.uses.filter((use) => use.owner === owner && isClient(use))
  const replacing = uses.filter(({ provider, isDisabled }) => provider !== undefined || isDisabled)
  const [first] = replacing
  if (first === undefined) return
  const where =
    owner.spec['selector'] === undefined ? owner.namespace : `what it selects in ${owner.namespace}`
  yield error(
    'telemetry-replaces',
    owner,
    first.isDisabled
      ? `disables access logs in ${where}: nothing is reported from there`
      : `names ${replacing.map(({ provider }) => provider).join(', ')} and so replaces ours in ${where}: nothing is reported from there`,
    `add our entry to it, with its filter: - {match: {mode: CLIENT}, providers: [{name: ${mesh.options.provider}}], filter: …}`,
  )
}

/** Whether a Telemetry or EnvoyFilter is aimed at a waypoint, as far as can be seen. */
export function isForWaypoint(mesh: Mesh, { namespace, ...owner }: ClusterObject): boolean {
  return targetsOf({ namespace, ...owner }).some(({ kind, name }) => {
    if (kind !== 'Gateway') return false
    const gateway = mesh
      .ofKind('Gateway')
      .find((one) => one.name === name && one.namespace === namespace)
    const className = gateway?.spec['gatewayClassName']
    return typeof className === 'string'
      ? className.includes('waypoint')
      : name.includes('waypoint')
  })
}

/** Meant for a waypoint or a Gateway, by the label that its pods have. */
export const selectsGateway = ({ spec }: ClusterObject): boolean =>
  JSON.stringify(spec['selector'] ?? '').includes('gateway.networking.k8s.io/gateway-name')

/** Whether anything reports at all, as far as can be seen. */
export function* checkAnything(mesh: Mesh): Generator<Finding> {
  const isLogged =
    mesh.uses.some(({ provider }) => provider !== undefined && mesh.isOurs(provider)) ||
    mesh.patches.some(({ accessLogs }) => accessLogs.length > 0)
  const isMisnamed = mesh.uses.some(({ provider }) => provider !== undefined)
  if (isLogged || isMisnamed) return
  const { length } = mesh.ofKind('Telemetry')
  if (length > 0) {
    yield error(
      'nothing-logged',
      'Telemetry',
      `does not name ${mesh.options.provider} anywhere: nothing is reported`,
      'print one with snimeter mesh-config',
    )
  } else {
    yield note(
      'telemetry-unseen',
      'Telemetry',
      'was not given: what is logged is not known',
      'add it: kubectl get telemetry,envoyfilter -A -o yaml',
    )
  }
}
