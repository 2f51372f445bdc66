import { LONG_MS } from '../../model/entry-shape.ts'
import type { NodeReport } from '../../model/node-report.ts'
import type { Workload } from '../../model/source.ts'
import { error, type Finding, note, sortedFindings, warning } from './finding.ts'
import { IllNodes } from './ill-nodes.ts'

/** What a running receiver knows of how its mesh reports. */
export interface LiveMesh {
  readonly nodes: readonly NodeReport[]
  /** Names to which hops moved bytes that nobody was billed for. */
  readonly hiddenHops: readonly HiddenHop[]
  readonly billAt: 'sidecar' | 'gateway'
  readonly flushIntervalMs: number
}

/** A name, and how many bytes of hops to it nobody was billed for. */
export interface HiddenHop {
  readonly sni: string
  readonly bytes: bigint
}

/** What its nodes are judged by. */
type Judged = Omit<LiveMesh, 'nodes'>

/** What may be wrong with one node: a rule of `RULES`. */
interface Symptom {
  readonly severity: 'error' | 'warning' | 'note'
  readonly code: string
  /** Whether this node has it. */
  readonly has: (report: NodeReport, mesh: Judged) => boolean
  /** What is wrong, of all nodes of a workload that have it. */
  readonly wrong: (ill: IllNodes) => string
  readonly fix: string
}

/** Releases from which entries say all that is needed; Envoy 1.35 is Istio 1.27's. */
const WIRE_BYTES_SINCE = 1026
const TRIED_SINCE = 1035
/** Of a node whose clock is right, ends arrive after they were: ALS waits a second, at most. */
const AHEAD_MS = 2000
const BEHIND_MS = 60_000
/** Messages with ends from which a lag is the clock's, and not a backlog's. */
const ENOUGH_ENDS = 3
/** Workloads that are named for one symptom at most: no answer holds more findings. */
const MOST_WORKLOADS = 1000

const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1000)} s`

const isOlder = ({ envoyMinor }: NodeReport, release: number): boolean =>
  envoyMinor !== 0 && envoyMinor < release

const MESH_CONFIG = 'apply what `snimeter mesh-config` prints'

const RULES: readonly Symptom[] = [
  {
    severity: 'warning',
    code: 'no-periodic-entries',
    // With a longer flush interval a silence of two minutes means nothing.
    has: ({ longEnds, periodic }, { flushIntervalMs }) =>
      longEnds > 0 && periodic === 0 && 2 * flushIntervalMs <= LONG_MS,
    wrong: (ill) =>
      `${ill.longEnds} connections of two minutes or longer were reported at their end only`,
    fix: `set access_log_flush_interval on their port: ${MESH_CONFIG}`,
  },
  {
    severity: 'warning',
    code: 'no-server-name',
    has: ({ connections, unnamed }) => unnamed > 0 && 2 * unnamed >= connections,
    wrong: (ill) =>
      `${ill.unnamed} of ${ill.connections} connections had neither a server name nor a cluster with a host; their bytes are billed to addresses`,
    fix: 'declare a TLS ServiceEntry on the port, which brings tls_inspector, and report only what has a server name',
  },
  {
    severity: 'error',
    code: 'no-connection-ids',
    // Connections that die in a listener filter have none: a few are normal.
    has: (report) =>
      report.withoutId >= 10 && report.withoutId > report.ends && !isOlder(report, 1025),
    wrong: (ill) =>
      `${ill.withoutId} entries without a stream id, more than connections that ended; they count nothing`,
    fix: 'log in the tcp_proxy filter, not only on the listener',
  },
  {
    severity: 'error',
    code: 'old-envoy',
    has: (report) => isOlder(report, WIRE_BYTES_SINCE),
    wrong: (ill) =>
      `Envoy ${ill.versions} is too old: before 1.26 there are no wire bytes, before 1.25 no connection ids and no periodic entries, before 1.24 no server names of TLS that passes through`,
    fix: 'upgrade the proxies; restart the pods that still run them',
  },
  {
    severity: 'warning',
    code: 'untried-envoy',
    has: (report) => !isOlder(report, WIRE_BYTES_SINCE) && isOlder(report, TRIED_SINCE),
    wrong: (ill) => `Envoy ${ill.versions} is older than any that was tried (1.35)`,
    fix: 'upgrade to Istio 1.27 or later',
  },
  {
    severity: 'warning',
    code: 'listener-log',
    has: (report) => report.endedAgain > 0 && report.untypedEnds > 0 && !isOlder(report, 1027),
    wrong: (ill) =>
      `${ill.untypedEnds} connections were reported by their listener as well; they are billed once, but sent twice`,
    fix: 'take the log off the listener: the one in tcp_proxy says it all',
  },
  {
    severity: 'warning',
    code: 'two-loggers',
    has: ({ endedAgain, untypedEnds }) => endedAgain > untypedEnds,
    wrong: (ill) =>
      `${ill.endedAgain - ill.untypedEnds} ends of connections came more than once: two loggers report them; they are billed once, but sent twice`,
    fix: 'keep one way: a Telemetry, or an EnvoyFilter with an access_log (`snimeter doctor mesh` finds both)',
  },
  {
    severity: 'error',
    code: 'others-connections',
    has: ({ ofOthers }) => ofOthers > 0,
    wrong: (ill) =>
      `${ill.ofOthers} entries were about connections that another proxy had reported first, and were refused: ${ill.senders}`,
    fix: 'find out who sends there: an Envoy never reuses an id; keep other senders off the port (mTLS, NetworkPolicy)',
  },
  {
    severity: 'warning',
    code: 'clock-ahead',
    has: ({ lagMs = 0 }) => lagMs < -AHEAD_MS,
    wrong: (ill) =>
      `connections ended up to ${seconds(ill.leastLagMs)} in the future: the clock is ahead`,
    fix: "set the node's clock (NTP), or the receiver's",
  },
  {
    severity: 'warning',
    code: 'clock-behind',
    has: ({ lagMs = 0, messagesWithEnds, disbelieved }) =>
      disbelieved > 0 || (lagMs > BEHIND_MS && messagesWithEnds >= ENOUGH_ENDS),
    wrong: (ill) =>
      ill.disbelieved > 0
        ? `${ill.disbelieved} ends lay up to ${seconds(ill.furthestMs)} in the past, which nothing explains: the clock is behind, or was; they are booked when they arrived`
        : `every end arrived at least ${seconds(ill.leastLagMs)} late: the clock is behind, or entries wait for long`,
    fix: "set the node's clock (NTP); is the receiver slow, or far away?",
  },
  {
    severity: 'warning',
    code: 'no-workload',
    has: ({ node }) => node.workload.kind === 'Node' || node.workload.kind === 'unknown',
    wrong: (ill) =>
      `the identifier names no workload: ${ill.firstId === '' ? 'streams did not say who they are' : `node ${ill.firstId}`}`,
    fix: 'give the proxy Istio’s metadata (NAMESPACE, WORKLOAD_NAME, OWNER)',
  },
  {
    severity: 'note',
    code: 'gateway-hops',
    has: ({ node, connections }, { billAt }) =>
      node.proxyType === 'router' && billAt === 'sidecar' && connections > 0,
    wrong: (ill) =>
      `reported ${ill.connections} connections that sidecars are billed for; they are in coverage as hop bytes`,
    fix: 'filter its log, or set gateways.bill_at',
  },
]

/** Everything that is wrong with how a mesh reports, worst first; one line per workload and symptom. */
export function diagnoseLive(mesh: LiveMesh): Finding[] {
  const diagnosis = new LiveDiagnosis(mesh)
  for (const report of mesh.nodes) diagnosis.add(report)
  return sortedFindings(diagnosis.findings())
}

const MAKE = { error, warning, note } as const

/** The same, report by report and finding by finding: a large mesh is not judged in one go. */
export class LiveDiagnosis {
  /** Reports that were added. */
  nodes = 0
  readonly #mesh: Judged
  /** By rule and workload, the nodes that have the symptom. */
  readonly #ill = RULES.map((rule) => ({ rule, byWorkload: new Map<string, IllNodes>() }))

  constructor(mesh: Judged) {
    this.#mesh = mesh
  }

  add(report: NodeReport): void {
    this.nodes++
    let subject: string | undefined
    for (const { rule, byWorkload } of this.#ill) {
      if (!rule.has(report, this.#mesh)) continue
      subject ??= subjectOf(report.node.workload)
      let ill = byWorkload.get(subject)
      if (ill === undefined) {
        if (byWorkload.size === MOST_WORKLOADS) continue
        ill = new IllNodes()
        byWorkload.set(subject, ill)
      }
      ill.add(report)
    }
  }

  /** Worst first. */
  *findings(): Generator<Finding> {
    yield* hiddenHops(this.#mesh)
    for (const severity of ['error', 'warning', 'note'] as const) {
      for (const { rule, byWorkload } of this.#ill) {
        if (rule.severity !== severity) continue
        for (const [subject, ill] of byWorkload) {
          yield MAKE[severity](
            rule.code,
            subject,
            `${ill.count > 1 ? `${ill.count} proxies: ` : ''}${rule.wrong(ill)}`,
            rule.fix,
          )
        }
      }
    }
  }
}

function hiddenHops({ hiddenHops, billAt }: Judged): Finding[] {
  const [hop, billed] = billAt === 'sidecar' ? ['gateways', 'sidecars'] : ['sidecars', 'gateways']
  return hiddenHops.map(({ sni, bytes }) =>
    error(
      'hop-hides-bytes',
      `name ${sni}`,
      `${hop} moved ${bytes} bytes to it, and no ${billed} reported them: nobody is billed`,
      billAt === 'sidecar'
        ? "behind a gateway the sidecars' filter must ask for the server name (`snimeter mesh-config --variant egress-gateway`); or set gateways.bill_at: gateway; an ingress gateway's log is to be silenced"
        : 'let the gateways report (`snimeter mesh-config --variant egress-gateway`), or set gateways.bill_at: sidecar',
    ),
  )
}

/** `Kind cluster/namespace/name`. */
export function subjectOf({ cluster, namespace, kind, name }: Workload): string {
  const place = [cluster, namespace].filter((part) => part !== '').join('/')
  return `${kind} ${place === '' ? '' : `${place}/`}${name}`
}
