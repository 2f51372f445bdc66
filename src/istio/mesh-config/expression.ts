/**
 * CEL expressions of the access log filters. A missing attribute or an error makes Envoy log nothing,
 * so only attributes that exist for TCP are used in TCP expressions (`request.*` exists in HTTP alone).
 */

const HAS_SERVER_NAME = "connection.requested_server_name != ''"

/**
 * Connections to wildcard hosts: their cluster is `outbound|443||*.host` on a sidecar and
 * `inbound-vip|443|tcp|*.host` on a waypoint. In-mesh calls, ingress gateways and the access log's own
 * stream have no `|*.` in their cluster.
 */
export const WILDCARD_HOSTS = `xds.cluster_name.contains('|*.') && ${HAS_SERVER_NAME}`

/** The same and TLS to names that no ServiceEntry has, which goes to PassthroughCluster. */
export const ANY_SERVER_NAME = `(xds.cluster_name.contains('|*.') || xds.cluster_name == 'PassthroughCluster') && ${HAS_SERVER_NAME}`

/** Connections by the name the client asked for, whatever cluster they are routed to. */
export function underWildcards(wildcards: readonly string[]): string {
  return wildcards
    .map((host) => `connection.requested_server_name.endsWith('${host.slice(1)}')`)
    .join(' || ')
}

/** Connections or requests whose cluster is one of these. */
export function toClusters(clusters: readonly string[]): string {
  return clusters.map((cluster) => `xds.cluster_name == '${cluster}'`).join(' || ')
}
