import { apexOf, coveringWildcard, isWildcard } from './hosts.ts'
import type { MeshRequest } from './request.ts'

/** What is allowed but may surprise; one sentence each, in the order of the hosts. */
export function notesOf({ hosts, variant, gateway }: MeshRequest): string[] {
  const notes: string[] = []
  if (variant === 'egress-gateway' && gateway.name !== 'istio-egressgateway') {
    notes.push(
      `The Gateway selects pods with the label istio: ${gateway.selector}; change its selector if those of ${gateway.name} have another.`,
    )
  }
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
  return notes
}
