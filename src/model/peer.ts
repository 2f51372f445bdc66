/**
 * The parts of a peer text: who opened a connection, as the proxy that reports it says. One text, so
 * that a sample carries one id; parts are joined by NUL, which no part holds, and empty where absent.
 *
 *   principal  SPIFFE URI: the peer of an HBONE tunnel (`io.istio.peer_principal`), else of the
 *              certificate that the proxy verified
 *   cluster, namespace, type, workload, name (the pod)   of `downstream_peer`, found by the workload's address
 */
export const PEER_PARTS = ['principal', 'cluster', 'namespace', 'type', 'workload', 'pod'] as const

export const PEER_SEPARATOR = '\0'
