import { PEER_PARTS, PEER_SEPARATOR } from '../model/peer.ts'
import type { Node, Workload } from '../model/source.ts'
import { cleanText } from './node-metadata.ts'
import { unreservedText } from './unreserved-text.ts'

/** Kinds as Kubernetes spells them, by the `type` of Istio's workload metadata. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['deployment', 'Deployment'],
  ['job', 'Job'],
  ['cronjob', 'CronJob'],
  ['pod', 'Pod'],
])

/**
 * Whom the bytes of a waypoint's or gateway's connection belong to, by its peer text (`model/peer.ts`);
 * undefined where it says nothing.
 *
 * The workload that Istio found by the peer's address, with its kind; where the peer's certificate
 * names another namespace the certificate is right. A certificate alone knows a service account, not a
 * workload: kind `ServiceAccount`. Neither names a cluster that can be trusted to be spelled as
 * CLUSTER_ID is, but for the metadata's own; else it is that of the proxy.
 */
export function sourceOfPeer(peer: string, node: Node): Workload | undefined {
  const texts = peer.split(PEER_SEPARATOR)
  const [principal = '', cluster = '', namespace = '', type = '', workload = ''] = PEER_PARTS.map(
    (_, i) => cleanText(texts[i] ?? ''),
  )
  const account = accountOf(principal)
  if (isOfWorkload(account, namespace, workload)) {
    const kind = KINDS.get(type) ?? 'Workload'
    return {
      cluster: unreservedText(cluster) || node.workload.cluster,
      namespace: unreservedText(namespace),
      kind,
      name: unreservedText(workload),
    }
  }
  if (account === undefined) return undefined
  return {
    cluster: node.workload.cluster,
    namespace: unreservedText(account.namespace),
    kind: 'ServiceAccount',
    name: unreservedText(account.name),
  }
}

/** The pod that a peer text names beside its workload; empty where it names none. */
export function podOfPeer(peer: string): string {
  const texts = peer.split(PEER_SEPARATOR)
  const [principal = '', , namespace = '', , workload = '', pod = ''] = PEER_PARTS.map((_, i) =>
    cleanText(texts[i] ?? ''),
  )
  return isOfWorkload(accountOf(principal), namespace, workload) ? unreservedText(pod) : ''
}

/**
 * Whom the bytes of a node's connections belong to where they do not say it themselves: the workload
 * beside a sidecar; of a gateway or waypoint the proxy itself, marked by its kind (`Gateway`,
 * `Waypoint`), since those bytes are somebody else's.
 */
export function sourceOfNode({ proxyType, workload }: Node): Workload {
  if (proxyType === 'router') return { ...workload, kind: 'Gateway' }
  if (proxyType === 'waypoint') return { ...workload, kind: 'Waypoint' }
  return workload
}

/** Whether the metadata names a workload, and the certificate no other namespace. */
function isOfWorkload(
  account: { readonly namespace: string } | undefined,
  namespace: string,
  workload: string,
): boolean {
  const agrees = account === undefined || account.namespace === namespace
  return workload !== '' && namespace !== '' && agrees
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; undefined for anything else. */
function accountOf(principal: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}
