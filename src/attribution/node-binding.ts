import { type Node, UNKNOWN_NODE, type Workload } from '../model/source.ts'

/**
 * Whether two identifiers are of one Envoy: by `node.id` where there is one, whatever release, pod or
 * metadata stand beside it; of nodes without an id, by what else they say. Two senders that say nothing
 * at all cannot be distinguished.
 */
export function isSameNode(a: Node, b: Node): boolean {
  if (a === b) return true
  if (a.id !== '' || b.id !== '') return a.id === b.id
  return a.pod === b.pod && isSameWorkload(a.workload, b.workload)
}

/** Whether a node says nothing of who it is: it owns no connection. */
export function isUnknownNode(node: Node): boolean {
  return isSameNode(node, UNKNOWN_NODE)
}

function isSameWorkload(a: Workload, b: Workload): boolean {
  return (
    a.name === b.name && a.namespace === b.namespace && a.cluster === b.cluster && a.kind === b.kind
  )
}
