import type { Config } from './config.ts'
import type { Finding } from './istio/doctor/finding.ts'
import { diagnoseLive, type HiddenHop } from './istio/doctor/live.ts'
import type { Pipeline } from './pipeline.ts'
import type { QueryService } from './query/query-service.ts'
import type { Metrics } from './telemetry/registry.ts'

/** Lines of an answer at most; the worst come first. */
const MOST_FINDINGS = 1000

/** What `/api/v1/findings` says. */
export interface LiveFindings {
  /** What was seen since then is judged, unix ms; 0 = nothing yet. */
  readonly sinceMs: number
  /** Proxies heard since then. */
  readonly nodes: number
  readonly findings: readonly Finding[]
}

export interface LiveDoctorDependencies {
  readonly pipeline: Pick<Pipeline, 'observations'>
  readonly queries: Pick<QueryService, 'run'>
}

/** Says what is wrong with how the mesh reports, from what arrives and from the file. */
export class LiveDoctor {
  readonly #config: Config
  readonly #deps: LiveDoctorDependencies
  #hiddenHops: readonly HiddenHop[] = []

  constructor(config: Config, deps: LiveDoctorDependencies) {
    this.#config = config
    this.#deps = deps
  }

  /** Asks the file for hops that hide bytes, which `known` is from then on. Rejects with a ServiceError. */
  async refresh(): Promise<void> {
    const { rows } = await this.#deps.queries.run({ kind: 'hidden-hops' })
    this.#hiddenHops = rows.map(([sni, bytes]) => ({ sni: String(sni), bytes: BigInt(bytes ?? 0) }))
  }

  /** What is wrong, as of now and of the last `refresh`; worst first. */
  get known(): LiveFindings {
    const { observations } = this.#deps.pipeline
    const nodes = observations.reports()
    const findings = diagnoseLive({
      nodes,
      hiddenHops: this.#hiddenHops,
      billAt: this.#config.gateways.billAt,
      flushIntervalMs: this.#config.ledger.flushIntervalMs,
    })
    return {
      sinceMs: observations.sinceMs,
      nodes: nodes.length,
      findings: findings.slice(0, MOST_FINDINGS),
    }
  }

  /** How many of those are errors and warnings. */
  get wrong(): number {
    return this.known.findings.filter(({ severity }) => severity !== 'note').length
  }

  declareMetrics(metrics: Metrics): void {
    metrics.gauge({
      name: 'snimeter_mesh_findings',
      help: 'What is wrong with how the mesh reports, as `doctor live` says it, by code.',
      labelNames: ['severity', 'code'],
      read: () => {
        const counts = new Map<string, { labels: Record<string, string>; value: number }>()
        for (const { severity, code } of this.known.findings) {
          const count = counts.get(code)
          if (count === undefined) counts.set(code, { labels: { severity, code }, value: 1 })
          else count.value++
        }
        return [...counts.values()]
      },
    })
  }
}
