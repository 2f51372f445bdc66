import type { NodeReport } from '../../model/node-report.ts'

/** Node ids and Envoy versions in a finding at most. */
const MOST_SENDERS = 3
const MOST_VERSIONS = 10

/**
 * What the reports of many nodes say together, in memory that does not grow with their number: counts are
 * sums. A finding about 100,000 nodes is written as fast as one about a single node.
 */
export class IllNodes {
  /** Reports that were added. */
  count = 0
  longEnds = 0
  untypedEnds = 0
  withoutId = 0
  connections = 0
  unnamed = 0
  endedAgain = 0
  ofOthers = 0
  disbelieved = 0
  /** The furthest of all, ms. */
  furthestMs = 0
  /** The least of all, ms; those without one count as 0. */
  leastLagMs = Number.POSITIVE_INFINITY
  /** The first node id that is known, or empty. */
  firstId = ''
  readonly #names: string[] = []
  readonly #versions = new Set<string>()
  #hasMoreVersions = false

  add(report: NodeReport): void {
    this.count++
    this.longEnds += report.longEnds
    this.untypedEnds += report.untypedEnds
    this.withoutId += report.withoutId
    this.connections += report.connections
    this.unnamed += report.unnamed
    this.endedAgain += report.endedAgain
    this.ofOthers += report.ofOthers
    this.disbelieved += report.disbelieved
    this.furthestMs = Math.max(this.furthestMs, report.furthestMs)
    this.leastLagMs = Math.min(this.leastLagMs, report.lagMs ?? 0)
    const { id, envoyVersion } = report.node
    this.firstId ||= id
    if (this.#names.length < MOST_SENDERS) this.#names.push(id || 'streams without a node id')
    if (this.#versions.has(envoyVersion)) return
    if (this.#versions.size < MOST_VERSIONS) this.#versions.add(envoyVersion)
    else this.#hasMoreVersions = true
  }

  /** Releases of Envoy, sorted; the first ten that were seen. */
  get versions(): string {
    return `${[...this.#versions].sort().join(', ')}${this.#hasMoreVersions ? ' and others' : ''}`
  }

  /** Who sent it, as their identifiers say; some of them, if they are many. */
  get senders(): string {
    const more = this.count - this.#names.length
    return `${this.#names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  }
}
