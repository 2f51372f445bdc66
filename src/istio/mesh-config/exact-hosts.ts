import { originateTls } from './destination-rule.ts'
import { toClusters, WILDCARD_HOSTS } from './expression.ts'
import { isWildcard } from './hosts.ts'
import type { Section } from './mesh-object.ts'
import { httpProviderName } from './provider.ts'
import type { MeshRequest } from './request.ts'
import { flush, telemetry, wildcards } from './sections.ts'
import { exactServiceEntry } from './service-entry.ts'

/** Exact hosts with TLS from the sidecar or from the app, and wildcards beside them. */
export function exactHosts(request: MeshRequest): Section[] {
  const { hosts, ports, provider } = request
  const exact = hosts.filter((host) => !isWildcard(host))
  const [port = 443] = ports
  const clusters = (number: number) =>
    toClusters(exact.map((host) => `outbound|${number}||${host}`))
  return [
    ...(exact.length < hosts.length ? [wildcards(request)] : []),
    ...exact.flatMap((host): Section[] => [
      {
        comment: [
          `Port 80 is HTTP for the app and TLS on the way out; port ${port} stays the app's.`,
        ],
        object: exactServiceEntry(request, host, port),
      },
      {
        comment: ['TLS from the sidecar: server name and certificate are those of the host.'],
        object: originateTls(request, host),
      },
    ]),
    telemetry(
      request,
      [
        { mode: 'CLIENT', provider, expression: `(${WILDCARD_HOSTS}) || ${clusters(port)}` },
        {
          mode: 'CLIENT',
          provider: httpProviderName(request),
          expression: `has(request.host) && (${clusters(80)})`,
        },
      ],
      [
        "Two providers, because both land on every chain: connections of the app's own TLS by cluster, so that a virtual address (which hides the server name) loses nothing; requests by cluster, named by their authority.",
      ],
    ),
    flush(request),
  ]
}
