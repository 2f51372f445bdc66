import { hash } from 'node:crypto'
import { type Node, type ProxyType, UNKNOWN_NODE, type Workload } from '../model/source.ts'
import { snimeter } from './gen/identifier.js'
import { type BuildVersion, type IdentifierTexts, readTexts } from './identifier-texts.ts'
import { type NodeMetadata } from './node-metadata.ts'
import { unreservedText } from './unreserved-text.ts'

const { FirstMessage } = snimeter.als.v3

/** Real ones are 50 to 80 KB, nearly all of it Envoy's extension list. */
const MAX_IDENTIFIER_BYTES = 1024 * 1024

/** Who a stream comes from. */
export interface StreamIdentity {
  readonly node: Node
  readonly logName: string
  /** A part of it could not be read, or is no UTF-8; the rest is here. */
  readonly damaged: boolean
  /**
   * A StreamAccessLogsMessage with this identifier and nothing else, allow-listed: what recordings
   * keep, and what reads back to the same identity.
   */
  readonly recorded: Uint8Array
}

/**
 * Reads the identifier of a stream, as far as it can be read: bytes that are no UTF-8 become U+FFFD, and
 * a damaged part costs only itself. Undefined if it is damaged and nothing readable says who sends (the
 * source is then unknown).
 */
export function readIdentifier(bytes: Uint8Array): StreamIdentity | undefined {
  if (bytes.length > MAX_IDENTIFIER_BYTES) return undefined
  const texts = readTexts(bytes)
  const node = nodeOf(texts)
  const { damaged, logName } = texts
  if (damaged && node === UNKNOWN_NODE) return undefined
  return { node, logName, damaged, recorded: recordedOf(texts) }
}

function recordedOf(texts: IdentifierTexts): Uint8Array {
  const { logName, id, cluster, userAgentName, version, build, recordedMetadata } = texts
  const node = {
    id,
    cluster,
    userAgentName,
    ...(version === '' ? {} : { userAgentVersion: version }),
    ...(build === undefined ? {} : { userAgentBuildVersion: { version: build } }),
    metadata: recordedMetadata,
  }
  return FirstMessage.encode({ identifier: { logName, node } }).finish()
}

/** Envoy's release as major * 1000 + minor (1.40.0 = 1040); 0 = not told. */
export function envoyMinorOf(version: string): number {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?!\d)/.exec(version) ?? []
  return major === undefined ? 0 : Number(major) * 1000 + Number(minor)
}

/** 16 bytes that stand for a node in identities that are unique per node only. */
export function scopeOf(nodeId: string): Uint8Array {
  return hash('sha256', nodeId, 'buffer').subarray(0, 16)
}

/**
 * 16 bytes that stand for a node without an id: what else it says of itself. Undefined where the id says
 * it (`scopeOf`), and for the unknown source, whose senders cannot be told apart.
 */
export function namelessScopeOf({ id, pod, workload }: Node): Uint8Array | undefined {
  if (id !== '') return undefined
  const { cluster, namespace, kind, name } = workload
  const said = JSON.stringify([pod, cluster, namespace, kind, name])
  return said === SAID_BY_UNKNOWN ? undefined : scopeOf(said)
}

const SAID_BY_UNKNOWN = JSON.stringify(['', '', '', 'unknown', UNKNOWN_NODE.workload.name])

function nodeOf({ id, cluster, version, build, metadata }: IdentifierTexts): Node {
  const parts = istioParts(id)
  const pod = metadata.values.NAME || parts.pod
  const workload = workloadOf(metadata, parts, pod, cluster, id)
  if (workload === UNKNOWN_NODE.workload) return UNKNOWN_NODE
  return {
    id: unreservedText(id),
    pod: unreservedText(pod),
    proxyType: parts.type,
    serviceAccount: unreservedText(metadata.values.SERVICE_ACCOUNT),
    envoyVersion: build === undefined ? unreservedText(version) : versionOf(build),
    workload,
  }
}

/**
 * The workload of a node (facts: Istio's bootstrap metadata). Kind and name come from OWNER and
 * WORKLOAD_NAME; a hand-made pod or a VM has neither and falls back to its canonical name, then to the
 * pod, then to Envoy's own cluster and id. `kind` says how far that went:
 * `Deployment` and its like, `Workload` (a name without an owner), `Pod`, `Node`; `unknown` where no
 * name is known at all.
 */
function workloadOf(
  metadata: NodeMetadata,
  parts: { readonly pod: string; readonly namespace: string },
  pod: string,
  cluster: string,
  id: string,
): Workload {
  const { values, canonicalName } = metadata
  const owner = ownerOf(values.OWNER)
  const place = {
    cluster: unreservedText(values.CLUSTER_ID),
    namespace: unreservedText(values.NAMESPACE || owner.namespace || parts.namespace),
  }
  const named = (kind: string, name: string): Workload => {
    return { ...place, kind: unreservedText(kind), name: unreservedText(name) }
  }
  const name = values.WORKLOAD_NAME || owner.name || canonicalName
  if (name !== '') return named(owner.kind || 'Workload', name)
  if (pod !== '') return named('Pod', pod)
  if (cluster !== '' || id !== '') return named('Node', cluster || id)
  const { workload } = UNKNOWN_NODE
  return place.cluster === '' && place.namespace === '' ? workload : { ...workload, ...place }
}

/** `<type>~<ip>~<pod>.<namespace>~<domain>`; anything else is no Istio proxy. */
function istioParts(id: string): { type: ProxyType; pod: string; namespace: string } {
  const [type, , name, domain] = id.split('~')
  if (domain === undefined || name === undefined) return { type: 'unknown', pod: '', namespace: '' }
  const dot = name.lastIndexOf('.')
  return {
    type: type === 'sidecar' || type === 'router' || type === 'waypoint' ? type : 'unknown',
    pod: dot < 0 ? name : name.slice(0, dot),
    namespace: dot < 0 ? '' : name.slice(dot + 1),
  }
}

/** `kubernetes://apis/<group>/<version>/namespaces/<namespace>/<plural>/<name>`. */
function ownerOf(owner: string): { kind: string; namespace: string; name: string } {
  const match = /^kubernetes:\/\/apis\/.*\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(owner)
  const [, namespace = '', plural = '', name = ''] = match ?? []
  return { kind: kindOf(plural), namespace, name }
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['cronjobs', 'CronJob'],
  ['daemonsets', 'DaemonSet'],
  ['deployments', 'Deployment'],
  ['deploymentconfigs', 'DeploymentConfig'],
  ['jobs', 'Job'],
  ['pods', 'Pod'],
  ['replicasets', 'ReplicaSet'],
  ['replicationcontrollers', 'ReplicationController'],
  ['statefulsets', 'StatefulSet'],
])

/** The kind of a plural; of an unknown one (a custom controller) the plural without its `s`. */
function kindOf(plural: string): string {
  const known = KINDS.get(plural)
  if (known !== undefined || plural === '') return known ?? ''
  const singular = plural.endsWith('s') ? plural.slice(0, -1) : plural
  return singular.charAt(0).toUpperCase() + singular.slice(1)
}

function versionOf({ majorNumber, minorNumber, patch }: BuildVersion): string {
  return `${majorNumber}.${minorNumber}.${patch}`
}
