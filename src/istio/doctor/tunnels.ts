import { at, type Fields, fieldsOf, listOf, numberOf, textOf } from '../untyped.ts'
import type { ClusterObject } from '../yaml-stream.ts'
import { type Finding, note } from './finding.ts'
import type { Mesh } from './mesh.ts'

/** DestinationRules that send TCP through an HTTP proxy (`tunnel`). Nothing is wrong with them. */
export function* checkTunnels(mesh: Mesh): Generator<Finding> {
  for (const rule of mesh.ofKind('DestinationRule')) {
    const targets = [...new Set(policiesOf(rule).flatMap(targetOf))]
    if (targets.length === 0) continue
    const host = textOf(rule.spec['host']) ?? 'its host'
    yield note(
      'tunnel',
      rule,
      `sends TCP through the proxy ${host} (tunnel to ${targets.join(', ')}): the payload is billed, without HTTP framing, under the server name of its TLS; what has no server name is billed to ${host}`,
      `bill the proxy's own framing, if you must, at ${host}`,
    )
  }
}

/** Every traffic policy of a rule: its own, those of its subsets, and those of single ports. */
function policiesOf({ spec }: ClusterObject): Fields[] {
  const whole = [spec, ...listOf(spec['subsets'])].map((one) => fieldsOf(at(one, 'trafficPolicy')))
  const ofPorts = whole.flatMap((policy) => listOf(policy['portLevelSettings']).map(fieldsOf))
  return [...whole, ...ofPorts]
}

/** Where a policy's tunnel leads, `host:port`; nothing without one. */
function targetOf(policy: Fields): string[] {
  const tunnel = fieldsOf(policy['tunnel'])
  if (Object.keys(tunnel).length === 0) return []
  return [`${textOf(tunnel['targetHost']) ?? '?'}:${numberOf(tunnel['targetPort']) ?? '?'}`]
}
