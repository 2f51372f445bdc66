import { hash } from 'node:crypto'
import { type Node, type ProxyType, UNKNOWN_NODE, type Workload } from '../model/source.ts'
import { snimeter } from './gen/identifier.js'
import { allowedOnly, cleanText, type NodeMetadata, readMetadata } from './node-metadata.ts'

const { FirstMessage, Identifier } = snimeter.als.v3

/** Real ones are 50 to 80 KB, nearly all of it Envoy's extension list. */
const MAX_IDENTIFIER_BYTES = 1024 * 1024

/** Who a stream comes from. */
export interface StreamIdentity {
  readonly node: Node
  readonly logName: string
  /**
   * A StreamAccessLogsMessage with this identifier and nothing else, allow-listed: what recordings
   * keep, and what reads back to the same identity.
   */
  readonly recorded: Uint8Array
}

/** Reads the identifier of a stream; undefined if the bytes are none (the source is then unknown). */
export function readIdentifier(bytes: Uint8Array): StreamIdentity | undefined {
  if (bytes.length > MAX_IDENTIFIER_BYTES) return undefined
  let identifier: snimeter.als.v3.IIdentifier
  try {
    identifier = Identifier.decode(bytes)
  } catch {
    // protobufjs throws errors of several kinds for damaged bytes; all mean the same here.
    return undefined
  }
  const { node } = identifier
  const recorded = FirstMessage.encode({
    identifier: {
      logName: cleanText(identifier.logName ?? ''),
      node: {
        id: cleanText(node?.id ?? ''),
        cluster: cleanText(node?.cluster ?? ''),
        userAgentName: cleanText(node?.userAgentName ?? ''),
        ...(node?.userAgentVersion ? { userAgentVersion: cleanText(node.userAgentVersion) } : {}),
        ...(node?.userAgentBuildVersion
          ? { userAgentBuildVersion: node.userAgentBuildVersion }
          : {}),
        metadata: allowedOnly(node?.metadata),
      },
    },
  }).finish()
  return { node: nodeOf(node), logName: cleanText(identifier.logName ?? ''), recorded }
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

function nodeOf(node: snimeter.als.v3.INode | null | undefined): Node {
  const metadata = readMetadata(node?.metadata)
  const id = cleanText(node?.id ?? '')
  if (id === '' && metadata.values.NAME === '' && metadata.values.WORKLOAD_NAME === '') {
    return UNKNOWN_NODE
  }
  const parts = istioParts(id)
  const pod = metadata.values.NAME || parts.pod
  return {
    id,
    pod,
    proxyType: parts.type,
    serviceAccount: metadata.values.SERVICE_ACCOUNT,
    envoyVersion: versionOf(node),
    workload: workloadOf(metadata, parts, pod, cleanText(node?.cluster ?? ''), id),
  }
}

/**
 * The workload of a node (facts: Istio's bootstrap metadata). Kind and name come from OWNER and
 * WORKLOAD_NAME; a hand-made pod or a VM has neither and falls back to its canonical name, then to the
 * pod, then to Envoy's own cluster and id. `kind` says how far that went:
 * `Deployment` and its like, `Workload` (a name without an owner), `Pod`, `Node`.
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
    cluster: values.CLUSTER_ID,
    namespace: values.NAMESPACE || owner.namespace || parts.namespace,
  }
  const name = values.WORKLOAD_NAME || owner.name || canonicalName
  if (name !== '') return { ...place, kind: owner.kind || 'Workload', name }
  if (pod !== '') return { ...place, kind: 'Pod', name: pod }
  return { ...place, kind: 'Node', name: cluster || id }
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

function versionOf(node: snimeter.als.v3.INode | null | undefined): string {
  const version = node?.userAgentBuildVersion?.version
  if (version)
    return `${version.majorNumber ?? 0}.${version.minorNumber ?? 0}.${version.patch ?? 0}`
  return cleanText(node?.userAgentVersion ?? '')
}
