import type { Config } from './config.ts'
import { type Finding, sortedFindings } from './istio/doctor/finding.ts'
import { type HiddenHop, LiveDiagnosis } from './istio/doctor/live.ts'
import { diagnoseReceiver } from './istio/doctor/live-receiver.ts'
import { SilenceDiagnosis, settlingUntil } from './istio/doctor/live-silence.ts'
import type { ReceiverGap } from './model/receiver-gap.ts'
import type { Pipeline } from './pipeline.ts'
import type { QueryService } from './query/query-service.ts'
import type { AccessLogReceiver } from './receiver/server.ts'
import { forEachInSlices } from './runtime/slices.ts'
import { within } from './runtime/within.ts'
import type { Metrics } from './telemetry/registry.ts'

/** Lines of an answer at most; the worst come first. */
const MOST_FINDINGS = 1000

/** The file is waited for no longer, ms. */
const ASK_MS = 5000

/** What `/api/v1/findings` says. */
export interface LiveFindings {
  /** What was seen since then is judged, unix ms; 0 = nothing yet. */
  readonly sinceMs: number
  /** Proxies heard since then. */
  readonly nodes: number
  readonly findings: readonly Finding[]
  /** Whether there are more findings than these, which are the worst. */
  readonly truncated: boolean
  /** The receiver has just started: until then it says nothing of silence, unix ms; 0 = it does. */
  readonly settlingUntilMs: number
}

export interface LiveDoctorDependencies {
  readonly pipeline: Pick<Pipeline, 'observations' | 'clock'>
  readonly queries: Pick<QueryService, 'run'>
  readonly sinks?: () => readonly { readonly name: string; readonly restored: boolean }[]
  readonly receiver: Pick<AccessLogReceiver, 'otherCalls' | 'certificates' | 'streams'>
  /** Whether the file was new: nothing was ever received into it. */
  readonly isNew: boolean
  /** What is wrong with the topics of sinks. */
  readonly topics?: () => readonly Finding[]
}

/**
 * Says what is wrong with how the mesh reports, from what arrives and from the file. It looks when it is
 * told to: for a large mesh that takes longer than a scrape of metrics should.
 */
export class LiveDoctor {
  readonly #config: Config
  readonly #deps: LiveDoctorDependencies
  /** The time without a receiver before this one; undefined where the file is new. */
  gap: ReceiverGap | undefined
  #hiddenHops: readonly HiddenHop[] = []
  #looking: Promise<void> | undefined
  #asking: Promise<void> | undefined
  #latest: LiveFindings = {
    sinceMs: 0,
    nodes: 0,
    findings: [],
    truncated: false,
    settlingUntilMs: 0,
  }

  constructor(config: Config, deps: LiveDoctorDependencies) {
    this.#config = config
    this.#deps = deps
  }

  /** What was wrong at the last `refresh`, worst first. */
  get latest(): LiveFindings {
    return this.#latest
  }

  /** How many of those are errors and warnings. */
  get wrong(): number {
    return this.#latest.findings.filter(({ severity }) => severity !== 'note').length
  }

  /**
   * Looks again: at what has arrived, and in the file for hops that hide bytes. Who asks while it looks
   * gets the same. Where the file cannot be asked its last answer stands, and this rejects with a
   * ServiceError.
   */
  refresh(): Promise<void> {
    this.#looking ??= this.#refresh().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #refresh(): Promise<void> {
    this.#asking ??= this.#askFile().finally(() => {
      this.#asking = undefined
    })
    // Long queries of others may be before it: then what the file said last stands for now.
    try {
      await within(ASK_MS, this.#asking)
    } finally {
      this.#asking?.catch(() => undefined)
      this.#latest = await this.#diagnose()
    }
  }

  async #askFile(): Promise<void> {
    const { queries, pipeline } = this.#deps
    const nowMs = pipeline.clock.newestMs
    const { flushIntervalMs } = this.#config.ledger
    const { rows } = await queries.run({ kind: 'hidden-hops', nowMs, flushIntervalMs })
    this.#hiddenHops = rows.map(([sni, bytes]) => ({ sni: String(sni), bytes: BigInt(bytes ?? 0) }))
  }

  async #diagnose(): Promise<LiveFindings> {
    const { observations } = this.#deps.pipeline
    const { receiver, sinks = () => [] } = this.#deps
    const { sinceMs } = observations
    const diagnosis = new LiveDiagnosis({
      hiddenHops: this.#hiddenHops,
      billAt: this.#config.gateways.billAt,
      flushIntervalMs: this.#config.ledger.flushIntervalMs,
    })
    await forEachInSlices(observations.reports(), (report) => diagnosis.add(report))
    const mesh: Finding[] = []
    await forEachInSlices(diagnosis.findings(), (finding) => mesh.push(finding) <= MOST_FINDINGS)
    const { activity } = observations
    const times = {
      nowMs: this.#deps.pipeline.clock.newestMs,
      startedMs: activity.startedMs,
      lastMs: activity.lastMs,
      streams: receiver.streams,
      isNew: this.#deps.isNew,
      flushIntervalMs: this.#config.ledger.flushIntervalMs,
    }
    const silence = new SilenceDiagnosis(times)
    await forEachInSlices(activity.reports(), (report) => silence.add(report))
    if (silence.hasStopped) {
      await forEachInSlices(activity.reports(), (report) => silence.compare(report))
    }
    await forEachInSlices(
      silence.findings(),
      (finding) => finding === undefined || mesh.push(finding) < 2 * MOST_FINDINGS,
    )
    const own = diagnoseReceiver({
      otherCalls: receiver.otherCalls(),
      certificates: receiver.certificates(),
      gap: this.gap,
      restored: sinks()
        .filter(({ restored }) => restored)
        .map(({ name }) => name),
      nowMs: Date.now(),
    })
    const all = sortedFindings([...own, ...(this.#deps.topics?.() ?? []), ...mesh])
    return {
      sinceMs,
      nodes: diagnosis.nodes,
      findings: all.slice(0, MOST_FINDINGS),
      truncated: all.length > MOST_FINDINGS,
      settlingUntilMs: settlingUntil(times),
    }
  }

  declareMetrics(metrics: Metrics): void {
    metrics.gauge({
      name: 'snimeter_receiver_gap_seconds',
      help: 'Length of the time without a receiver before this process, by how the one before it ended.',
      labelNames: ['reason'],
      read: () => {
        const { gap } = this
        if (gap === undefined) return []
        return [{ labels: { reason: gap.reason }, value: (gap.toMs - gap.fromMs) / 1000 }]
      },
    })
    metrics.gauge({
      name: 'snimeter_receiver_gap_lossy_nodes',
      help: 'Nodes that reported before it and whose Envoy (before 1.39) loses what ends without a receiver.',
      read: () => this.gap?.lossyNodes ?? 0,
    })
    metrics.gauge({
      name: 'snimeter_mesh_findings',
      help: 'What is wrong with how the mesh reports and with the topics of sinks, as `doctor live` says it, by code.',
      labelNames: ['severity', 'code'],
      read: () => {
        const counts = new Map<string, { labels: Record<string, string>; value: number }>()
        for (const { severity, code } of this.#latest.findings) {
          const key = `${severity} ${code}`
          const count = counts.get(key)
          if (count === undefined) counts.set(key, { labels: { severity, code }, value: 1 })
          else count.value++
        }
        return [...counts.values()]
      },
    })
  }
}
