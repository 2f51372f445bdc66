import type { ActivityReport } from '../../model/node-activity.ts'
import { error, type Finding, note, warning } from './finding.ts'
import { subjectOf } from './live.ts'

/** What a receiver knows of when its mesh sends. */
export interface LiveTimes {
  readonly nowMs: number
  /** Since when this process receives; 0 = not yet. */
  readonly startedMs: number
  /** When a message last arrived; 0 = never since then. */
  readonly lastMs: number
  /** Streams that are open. */
  readonly streams: number
  /** Whether the file is new: nothing was ever received into it. */
  readonly isNew: boolean
  /** How often a proxy reports an open connection, ms. */
  readonly flushIntervalMs: number
}

/** Time after a restart in which the proxies come back, at least, ms. */
const SETTLE_MS = 60_000

/**
 * Until when after a restart silence says nothing, unix ms; 0 = it does now. Envoy opens its stream with the next
 * batch of entries, without a back-off: a mesh with any open connection sends within one flush interval and a
 * second, and as long again is for the endpoint of the new receiver to reach the proxies. A file into which
 * nothing was ever received gets no such time: there is nothing to come back.
 */
export function settlingUntil(times: Omit<LiveTimes, 'streams'>): number {
  const { nowMs, startedMs, lastMs, isNew, flushIntervalMs } = times
  if (isNew || lastMs > 0 || startedMs === 0) return 0
  const untilMs = startedMs + Math.max(SETTLE_MS, 2 * flushIntervalMs)
  return nowMs < untilMs ? untilMs : 0
}

/** A mesh that has sent nothing for so long is silent, ms. */
const SILENT_MS = 15 * 60_000
/** From this part of the workloads on it is the mesh that stopped, not workloads that were scaled down. */
const MANY = 0.2
/** Workloads that sent so lately count as reporting, ms. */
const RECENT_MS = 30 * 60_000
const MOST_NAMES = 3

const CHECK =
  'check the mesh with `snimeter doctor mesh`, and a sidecar with `snimeter doctor proxy`'

/** The proxies of a workload of which some have stopped. */
interface Proxies {
  /** Those that have stopped, the first of them by name, and the connections that they left. */
  stopped: number
  readonly names: string[]
  connections: number
  /** Last messages of those that stopped: of the first and of the last that did. */
  stoppedFromMs: number
  stoppedToMs: number
  /** Last message of those that go on, and when each of them sent its first one. */
  goingOnMs: number
  readonly firstMs: number[]
}

/**
 * Which nodes stopped reporting. A node has stopped if it left connections open, silent for so long that
 * they were orphaned, and has sent nothing since; a node without open connections is only idle. Pods
 * come and go: a node that a newer one of its workload replaces has not stopped. All reports are added
 * with `add`; if any have stopped, then all again with `compare`.
 */
export class SilenceDiagnosis {
  readonly #times: LiveTimes
  readonly #ill = new Map<string, Proxies>()
  /** Workloads that report, without those that have stopped. */
  readonly #reporting = new Set<string>()

  constructor(times: LiveTimes) {
    this.#times = times
  }

  get hasStopped(): boolean {
    return this.#ill.size > 0
  }

  add(report: ActivityReport): void {
    if (!hasStopped(report)) return
    const { node, lastMs, orphaned } = report
    const subject = subjectOf(node.workload)
    const proxies = this.#ill.get(subject) ?? {
      stopped: 0,
      names: [],
      connections: 0,
      stoppedFromMs: Number.POSITIVE_INFINITY,
      stoppedToMs: 0,
      goingOnMs: 0,
      firstMs: [],
    }
    this.#ill.set(subject, proxies)
    proxies.stopped++
    proxies.connections += orphaned
    proxies.stoppedFromMs = Math.min(proxies.stoppedFromMs, lastMs)
    proxies.stoppedToMs = Math.max(proxies.stoppedToMs, lastMs)
    if (proxies.names.length < MOST_NAMES) proxies.names.push(node.pod || node.id)
  }

  compare(report: ActivityReport): void {
    if (hasStopped(report)) return
    const { node, firstMs, lastMs } = report
    const subject = subjectOf(node.workload)
    const proxies = this.#ill.get(subject)
    if (proxies !== undefined) {
      proxies.goingOnMs = Math.max(proxies.goingOnMs, lastMs)
      proxies.firstMs.push(firstMs)
    } else if (this.#times.nowMs - lastMs < RECENT_MS) this.#reporting.add(subject)
  }

  /** Worst first; `undefined` where the caller may pause. */
  *findings(): Generator<Finding | undefined> {
    yield* this.#silentMesh()
    let stopped = 0
    for (const proxies of this.#ill.values()) {
      if (isStopped(proxies)) stopped++
      yield undefined
    }
    const reporting = this.#reporting.size + this.#ill.size
    const make = stopped >= MANY * reporting ? warning : note
    for (const [subject, proxies] of this.#ill) {
      yield isStopped(proxies) ? stoppedFinding(make, subject, proxies, proxies.stopped) : undefined
    }
    for (const [subject, proxies] of this.#ill) {
      if (isStopped(proxies)) {
        yield undefined
        continue
      }
      const replaced = proxies.firstMs.filter((ms) => ms > proxies.stoppedFromMs).length
      const left = proxies.stopped - replaced
      yield left > 0 ? stoppedFinding(note, subject, proxies, left) : undefined
    }
  }

  *#silentMesh(): Generator<Finding> {
    const { nowMs, startedMs, lastMs, streams, isNew } = this.#times
    const silentMs = nowMs - Math.max(lastMs, startedMs)
    if (settlingUntil(this.#times) > 0) return
    if (startedMs === 0 || (lastMs > 0 && silentMs < SILENT_MS)) return
    const since = new Date(lastMs || startedMs).toISOString()
    if (streams > 0) {
      yield note(
        'quiet-mesh',
        'mesh',
        `${streams} proxies are connected, and have sent nothing since ${since}: nothing that their filter selects has happened`,
        'nothing, if there was no traffic; else check the filter of the access log (`snimeter doctor mesh`)',
      )
      return
    }
    const what =
      lastMs > 0
        ? `no proxy has sent anything since ${since}, and none is connected`
        : isNew
          ? 'no proxy has sent anything yet'
          : `no proxy has sent anything since the receiver started at ${since}`
    yield (silentMs < SILENT_MS ? warning : error)('nothing-heard', 'mesh', what, CHECK)
  }
}

/** Without periodic entries open connections are silent as a rule; the unknown source is no node. */
function hasStopped({ node, lastMs, periodic, orphaned }: ActivityReport): boolean {
  return orphaned > 0 && (lastMs === 0 || periodic) && (node.id !== '' || node.pod !== '')
}

/** None of the workload's proxies has sent anything since the last one of those stopped. */
function isStopped({ goingOnMs, stoppedToMs }: Proxies): boolean {
  return goingOnMs <= stoppedToMs
}

function stoppedFinding(
  make: typeof note,
  subject: string,
  { connections, stoppedToMs, names, stopped }: Proxies,
  count: number,
): Finding {
  const since = stoppedToMs === 0 ? 'the receiver started' : new Date(stoppedToMs).toISOString()
  const more = stopped > names.length ? ', …' : ''
  return make(
    'stopped-reporting',
    subject,
    `${count === 1 ? '1 proxy has' : `${count} proxies have`} sent nothing since ${since}, with ${connections} connections open (${names.join(', ')}${more})`,
    `nothing, if the pods were deleted or scaled down; else ${CHECK}`,
  )
}
