import { problemsOf, readExpression } from '../cel.ts'
import { error, type Finding, note, warning } from '../doctor/finding.ts'
import { serverNameFor } from '../doctor/mesh.ts'
import type { Chain, ChainLog } from './chain.ts'
import type { ConfigDump } from './config-dump.ts'

/** Whether a log lets connections of a chain through, given what the listener knows of them. */
function isLogged(chain: Chain, log: ChainLog, serverName: string): boolean {
  if (log.expression === undefined) return !log.isPartial
  const expression = readExpression(log.expression)
  if ('wrong' in expression) return false
  const { cluster, port } = chain
  return expression.logs({ cluster, serverName, port }) !== false
}

const isWildcardCluster = (cluster: string): boolean => cluster.includes('|*.')

/** A name that reaches the chain; none can where nobody looks at it. */
function namesOf({ serverNames, cluster }: Chain): string {
  const host = cluster.slice(cluster.lastIndexOf('|') + 1)
  return serverNameFor(serverNames[0] ?? (host.includes('.') ? host : 'name.invalid'))
}

/** An outbound chain: how often it reports, how regularly, whether the server name is looked at. */
export function* checkChain(
  { clusters }: ConfigDump,
  chain: Chain,
  logs: readonly ChainLog[],
  { flushMs }: { readonly flushMs: number },
): Generator<Finding> {
  const { cluster, hasTlsInspector, listener, name } = chain
  // HTTP chains log requests; they need neither a server name nor an interval.
  if (cluster === '') return
  const subject = `listener ${listener}, chain ${name}`
  const serverName = namesOf(chain)
  const logging = logs.filter((log) => log.protocol === 'tcp' && isLogged(chain, log, serverName))
  const isWildcard = isWildcardCluster(cluster)
  if (logging.length === 0) {
    yield* checkSilent(chain, logs, subject)
    return
  }
  if (logging.length > 1) {
    yield error(
      'logged-twice',
      subject,
      `is reported ${logging.length} times: so is every byte`,
      'remove the Telemetry provider or the EnvoyFilter, whichever is one too many',
    )
  }
  if (isWildcard && clusters.length > 0 && !clusters.some((one) => one['name'] === cluster)) {
    yield error(
      'chain-cluster-missing',
      subject,
      `goes to ${cluster}, which the proxy does not have: its connections fail`,
      'use resolution NONE, or Istio 1.30 or later for DYNAMIC_DNS',
    )
  }
  if (!hasTlsInspector) {
    const isHidden = !logging.some((log) => isLogged(chain, log, ''))
    yield (isHidden ? error : warning)(
      'no-tls-inspector',
      subject,
      `has no tls_inspector: the server name is empty${isHidden ? ' and the filter hides its connections' : ', and the name comes from the cluster'}`,
      'label the ServiceEntry networking.istio.io/enable-autoallocate-ip: "false"',
    )
  }
  yield* checkFlush(chain, subject, flushMs)
  const [first] = logging
  const interval = chain.flush ?? chain.deprecatedFlush
  yield note(
    'chain-logged',
    subject,
    `reports ${logging.length === 1 ? 'once' : `${logging.length} times`} to ${first?.cluster} as ${first?.logName}, ${interval === undefined ? 'at its end only' : `every ${interval}`}, filter ${first?.expression ?? 'none'}`,
    '',
  )
}

/** A chain that reports nothing: wrong for a wildcard, perhaps meant for an exact host outside. */
function* checkSilent(
  { cluster, hasTlsInspector }: Chain,
  logs: readonly ChainLog[],
  subject: string,
): Generator<Finding> {
  const isBroken = logs.some(({ expression }) => problemsOf(expression ?? 'true', 'tcp').length > 0)
  if (isBroken) return
  const why = logs.length > 0 ? ': the filter hides it' : ''
  if (isWildcardCluster(cluster)) {
    yield error(
      'chain-not-logged',
      subject,
      `goes to ${cluster} and is not reported${why}`,
      logs.length > 0
        ? 'widen the filter'
        : 'look for a Telemetry or EnvoyFilter that replaces ours',
    )
  } else if (/^outbound\|.*\.(?!local$)\w+$/.test(cluster)) {
    const blind = hasTlsInspector ? '' : ' (nor is the server name looked at: no tls_inspector)'
    yield note(
      'chain-not-logged',
      subject,
      `goes to ${cluster} and is not reported${why}${blind}`,
      'widen the filter if you pay for it',
    )
  }
}

function* checkFlush(
  { flush, deprecatedFlush }: Chain,
  subject: string,
  flushMs: number,
): Generator<Finding> {
  if (flush !== undefined && deprecatedFlush !== undefined) {
    yield error(
      'flush-conflict',
      subject,
      'has access_log_flush_interval and access_log_options: Envoy refuses the listener',
      'remove the EnvoyFilter that sets the first',
    )
    return
  }
  const interval = flush ?? deprecatedFlush
  if (interval === undefined) {
    yield error(
      'flush-missing',
      subject,
      'has no flush interval: a connection is reported only when it closes',
      'apply the flush EnvoyFilter with a patch for this port',
    )
  } else if (Number.parseFloat(interval) * 1000 > flushMs) {
    yield warning(
      'flush-long',
      subject,
      `reports every ${interval}, and the receiver expects it every ${flushMs / 1000}s (ledger.flush_interval)`,
      "use a shorter one, or raise the receiver's and say so with --config",
    )
  }
}

/** An inbound chain, which should report nothing. */
export function* checkInbound(chain: Chain, logs: readonly ChainLog[]): Generator<Finding> {
  if (!logs.some((log) => isLogged(chain, log, ''))) return
  yield warning(
    'inbound-logged',
    `listener ${chain.listener}, chain ${chain.name}`,
    'reports what comes in as well',
    'use mode: CLIENT in the Telemetry',
  )
}
