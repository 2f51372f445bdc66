import { problemsOf } from '../cel.ts'
import { error, type Finding, note, sortedFindings, warning } from '../doctor/finding.ts'
import type { Receiver } from '../doctor/mesh.ts'
import { type Chain, type ChainLog, readChains } from './chain.ts'
import { checkChain, checkInbound } from './check-chain.ts'
import type { ConfigDump } from './config-dump.ts'
import { checkReceiverCluster } from './receiver-cluster.ts'

export interface ProxyOptions {
  /** Undefined: the cluster that the access logs name. */
  readonly receiver?: Receiver
  /** The receiver's `ledger.flush_interval`, ms. */
  readonly flushMs: number
}

/**
 * What is wrong with the access log of one proxy, worst first, and a note for each chain that
 * reports: how often, how regularly, with which filter. Pure.
 */
export function diagnoseProxy(dump: ConfigDump, options: ProxyOptions): Finding[] {
  return sortedFindings(findings(dump, options))
}

function* findings(dump: ConfigDump, options: ProxyOptions): Generator<Finding> {
  for (const { name, details } of dump.refused) {
    yield error(
      'listener-refused',
      `listener ${name}`,
      `was refused by Envoy, which keeps its old one: ${details}`,
      'look for the EnvoyFilter that it speaks of (snimeter doctor mesh)',
    )
  }
  const chains = readChains(dump.listeners)
  const cluster = receiverCluster(chains, options)
  yield* checkChains(dump, chains, cluster, options)
  if (cluster !== undefined) yield* checkReceiverCluster(dump, cluster)
}

/** What was told, else the one that all logs name, else the one that has our name in it. */
function receiverCluster(chains: readonly Chain[], { receiver }: ProxyOptions): string | undefined {
  if (receiver !== undefined) {
    const { namespace, name, port } = receiver
    return `outbound|${port}||${name}.${namespace}.svc.cluster.local`
  }
  const logs = chains.flatMap((chain) => chain.logs)
  const clusters = [...new Set(logs.map((log) => log.cluster))]
  if (clusters.length < 2) return clusters[0]
  return logs.find((log) => `${log.cluster} ${log.logName}`.includes('snimeter'))?.cluster
}

function* checkChains(
  dump: ConfigDump,
  chains: readonly Chain[],
  receiver: string | undefined,
  options: ProxyOptions,
): Generator<Finding> {
  if (chains.length === 0) {
    yield note(
      'listeners-unseen',
      'listeners',
      'were not given: what is logged is not known',
      'add them: istioctl proxy-config listener POD -o json',
    )
    return
  }
  const ours = (chain: Chain): ChainLog[] =>
    chain.logs.filter(({ cluster }) => cluster === receiver)
  yield* checkFilters(chains.flatMap(ours))
  if (!chains.some((chain) => ours(chain).length > 0)) {
    const [other] = chains.flatMap(({ logs }) => logs.map(({ cluster }) => cluster))
    if (other === undefined && dump.nodeId.startsWith('router~')) {
      yield note(
        'gateway-silent',
        'listeners',
        'of this gateway report nothing, as they should where sidecars are billed',
        '',
      )
      return
    }
    yield other === undefined
      ? error(
          'nothing-logged',
          'listeners',
          'have no gRPC access log: this proxy reports nothing',
          'apply the Telemetry of snimeter mesh-config; look for one that replaces it (snimeter doctor mesh)',
        )
      : error(
          'other-receiver',
          'listeners',
          `report to ${other}${receiver === undefined ? '' : `, not to ${receiver}`}`,
          "correct the provider's service and port, or say --receiver",
        )
    return
  }
  for (const chain of chains) {
    if (chain.isOutbound) yield* checkChain(dump, chain, ours(chain), options)
    else yield* checkInbound(chain, ours(chain))
  }
}

function* checkFilters(logs: readonly ChainLog[]): Generator<Finding> {
  for (const { expression, protocol, logName, isPartial } of logs) {
    const subject = `access log ${logName}`
    if (expression === undefined && !isPartial) {
      yield warning(
        'filter-missing',
        subject,
        'has no filter: calls inside the mesh are logged as well',
        'add the expression of snimeter mesh-config',
      )
    }
    if (expression === undefined) continue
    for (const { code, wrong, fix } of problemsOf(expression, protocol)) {
      yield error(code, subject, wrong, fix)
    }
  }
}
