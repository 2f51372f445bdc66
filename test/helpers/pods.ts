import type { EnvoyIdentity } from '../../src/demo/envoy-config.ts'
import type { Mesh, Pod } from '../../src/demo/mesh.ts'
import { type Totals, TotalsBuilder, workloadAndName } from './totals.ts'

/** Three workloads; the first of them with two pods, whose bytes belong together. */
export const PODS: readonly EnvoyIdentity[] = [
  pod('shop', 'checkout', 'Deployment', 'checkout-7d9f-abcde', '10.1.2.3'),
  pod('shop', 'checkout', 'Deployment', 'checkout-7d9f-fghij', '10.1.2.4'),
  pod('ml', 'trainer', 'Job', 'trainer-x2x4z', '10.1.2.5'),
  pod('batch', 'backup', 'StatefulSet', 'backup-0', '10.1.2.6'),
]

function pod(
  namespace: string,
  workload: string,
  kind: string,
  name: string,
  ip: string,
): EnvoyIdentity {
  return { cluster: 'prod', namespace, workload, kind, pod: name, ip }
}

/** The name that a connection without SNI is booked to: the address behind PassthroughCluster. */
export const NAMELESS = '127.0.0.1'

/** What the servers' sockets saw, by workload and name, of the names that `of` accepts. */
export function servedTotals(mesh: Mesh, of: (name: string) => boolean = () => true): Totals {
  const builder = new TotalsBuilder()
  for (const { identity, served } of mesh.pods) {
    for (const { sni, received, sent } of served) {
      const name = sni === '' ? NAMELESS : sni.toLowerCase()
      if (!of(name)) continue
      builder.add(workloadAndName(identity.namespace, identity.workload, name), received, sent)
    }
  }
  return builder.totals
}

/** True when every connection at every server has closed. */
export function allClosed(mesh: Mesh): boolean {
  return mesh.pods.every(({ served }) => served.every(({ closed }) => closed))
}

/** Runs the jobs, at most `width` at a time, in their order. */
export async function inParallel(
  width: number,
  jobs: readonly (() => Promise<unknown>)[],
): Promise<void> {
  const left = [...jobs]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let job = left.shift(); job !== undefined; job = left.shift()) await job()
    }),
  )
}

/** A connection with one exchange, ended in an orderly way. */
export async function shortConnection(
  pod: Pod,
  sni: string,
  upload: number,
  download: number,
): Promise<void> {
  const client = pod.connect(sni)
  await client.exchange({ upload, download })
  await client.end()
}
