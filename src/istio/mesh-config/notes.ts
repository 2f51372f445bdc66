import { apexOf, coveringWildcard, isWildcard } from './hosts.ts'
import type { MeshRequest } from './request.ts'

/** What is allowed but may surprise; one sentence each, in the order of the hosts. */
export function notesOf({ hosts, variant, release }: MeshRequest): string[] {
  const notes: string[] = []
  for (const host of hosts) {
    const covering = coveringWildcard(host, hosts)
    if (covering !== undefined) {
      notes.push(
        `${host} also falls under ${covering}: the longest match wins, each byte counts once.`,
      )
    }
    if (isWildcard(host) && !hosts.includes(apexOf(host)) && apexOf(host).includes('.')) {
      notes.push(
        `${host} does not match ${apexOf(host)} itself: if apps use it, add it with --variant exact-host.`,
      )
    }
    if (isWildcard(host) && !apexOf(host).includes('.')) {
      notes.push(
        `${host} is a whole top-level domain: the budget of names (rollup.names) will decide.`,
      )
    }
  }
  if (variant === 'envoyfilter-only' && release.minor < 29) {
    notes.push(
      `No custom tag for the cluster: Envoy ${release.envoy} (Istio 1.${release.minor}) would refuse the listener.`,
    )
  }
  return notes
}
