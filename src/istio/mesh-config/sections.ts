import { sidecarFlush } from './envoy-filter.ts'
import { isWildcard } from './hosts.ts'
import type { Section } from './mesh-object.ts'
import type { MeshRequest } from './request.ts'
import { wildcardServiceEntry } from './service-entry.ts'
import { type AccessLogging, meshTelemetry } from './telemetry.ts'

/** Namespaces that the defaults name; any other is somebody's, with labels that an apply would take away. */
const OWN_NAMESPACES: readonly string[] = ['external', 'istio-egress']

/** The namespace of the hosts, if it is one of our own; a user's exists, and keeps its labels. */
export function hostNamespace({ namespace }: MeshRequest): Section[] {
  if (!OWN_NAMESPACES.includes(namespace)) return []
  const section = {
    comment: ['Where the hosts are declared.'],
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  }
  return [section]
}

/** The wildcards among the hosts, at whatever address the app dials. */
export function wildcards(request: MeshRequest, more: readonly string[] = []): Section {
  return {
    comment: [
      'The names you pay for. Envoy gets a filter chain for each that matches on the server name of the TLS handshake (SNI), and sends the bytes on to the address the app dialled.',
      ...more,
    ],
    object: wildcardServiceEntry(request, request.hosts.filter(isWildcard), 'NONE'),
  }
}

/** The mesh-wide access log; what it replaces is told, because Istio tells nobody. */
export function telemetry(
  { rootNamespace }: MeshRequest,
  logs: readonly AccessLogging[],
  more: readonly string[] = [],
): Section {
  return {
    comment: [
      'Adds the access log to every outbound chain of every sidecar; the expression decides what is sent.',
      `Merge it into your mesh-wide Telemetry if you have one (kubectl get telemetry -n ${rootNamespace}): of two without a selector the older one wins. A Telemetry in a namespace that names another access log provider replaces this one there. If pods print access logs today, list that provider too, as one more entry: "- providers: [{name: envoy}]".`,
      ...more,
    ],
    object: meshTelemetry(rootNamespace, logs),
  }
}

/** Open connections speak; every variant with sidecars needs it. */
export function flush(request: MeshRequest): Section {
  return {
    comment: [
      'Without this a connection is reported only when it closes. It sets one number on the tcp_proxy of every listener on the port, the passthrough chain included, and appends nothing.',
      'Look for an older EnvoyFilter with access_log_flush_interval directly under TcpProxy: Envoy refuses a listener that has both.',
    ],
    object: sidecarFlush(request),
  }
}
