import { SHAPES, Shape } from '../model/entry-shape.ts'
import type { NodeReport } from '../model/node-report.ts'
import { NO_TIME } from '../model/sample.ts'
import type { Node } from '../model/source.ts'
import { sharedPool } from '../runtime/fair-share.ts'
import { NodeActivity } from './node-activity.ts'
import { envoyMinorOf } from './node-identity.ts'

/** What was seen longer ago than two of these is forgotten: what has been mended shows no more. */
const GENERATION_MS = 15 * 60_000
/** Nodes of a generation, shared out among senders; what further ones do is not observed (it is billed as ever). */
const MAX_NODES = 100_000

/**
 * How each node reports, of the last 15 to 30 minutes: not what it is billed for, but what gives away
 * a wrong set-up. A few additions per message; rarer events one by one. Nodes are known by identity.
 */
export class NodeObservations {
  /** When they sent, of a longer time. */
  readonly activity = new NodeActivity()
  /** Nodes of this generation, by the sender that they were first seen from. */
  readonly pool = sharedPool(MAX_NODES)
  /** Who sends what is observed next (`Sender.key`). */
  sender = ''
  #current = new Map<Node, Observed>()
  #previous = new Map<Node, Observed>()
  #sinceMs = 0
  #previousSinceMs = 0

  /** Takes the time, unix ms. */
  at(nowMs: number): void {
    this.activity.at(nowMs)
    if (this.#sinceMs === 0) this.#sinceMs = this.#previousSinceMs = nowMs
    if (nowMs - this.#sinceMs < GENERATION_MS) return
    this.#previous = this.#current
    this.#previousSinceMs = this.#sinceMs
    this.#current = new Map()
    this.pool.clear()
    this.#sinceMs = nowMs
  }

  /** The wall clock was set: how far the nodes' clocks are off is measured from now on. */
  stepped(byMs: number): void {
    this.activity.stepped(byMs)
    this.#sinceMs += byMs
    this.#previousSinceMs += byMs
    for (const observed of [...this.#current.values(), ...this.#previous.values()]) {
      observed.ends = 0
      observed.leastLagMs = Number.POSITIVE_INFINITY
    }
  }

  /**
   * A message's entries by `Shape`, how many of them had no connection id, and the latest end that they
   * tell (`NO_TIME` without one).
   */
  heard(
    node: Node,
    shapes: Float64Array,
    withoutId: number,
    latestEndMs: number,
    arrivalMs: number,
  ): void {
    let periodic = 0
    for (let shape = 0; shape < SHAPES; shape++) {
      if ((shape & Shape.final) === 0) periodic += shapes[shape] as number
    }
    this.activity.sent(node, periodic > 0, this.sender, arrivalMs)
    const observed = this.#of(node)
    if (observed === undefined) return
    for (let shape = 0; shape < SHAPES; shape++) {
      const count = shapes[shape] as number
      if (count !== 0) observed.shapes[shape] = (observed.shapes[shape] as number) + count
    }
    observed.withoutId += withoutId
    if (latestEndMs === NO_TIME) return
    observed.ends++
    observed.leastLagMs = Math.min(observed.leastLagMs, arrivalMs - latestEndMs)
  }

  /** A connection was attributed; `isNamed` is false where only its address is known, or nothing. */
  attributed(node: Node, isNamed: boolean): void {
    const observed = this.#of(node)
    if (observed === undefined) return
    observed.connections++
    if (!isNamed) observed.unnamed++
  }

  /** An end that had been told already. */
  endedAgain(node: Node): void {
    const observed = this.#of(node)
    if (observed !== undefined) observed.endedAgain++
  }

  /** Ends whose moments were not believed, and how far back the oldest of them lay, ms. */
  disbelieved(node: Node, ends: number, furthestMs: number): void {
    const observed = this.#of(node)
    if (observed === undefined) return
    observed.disbelieved += ends
    observed.furthestMs = Math.max(observed.furthestMs, furthestMs)
  }

  /** A sample of a connection that another node had reported first. */
  reportedOthers(node: Node): void {
    const observed = this.#of(node)
    if (observed !== undefined) observed.ofOthers++
  }

  /** Since when, unix ms; 0 before the first `at`. */
  get sinceMs(): number {
    return this.#previousSinceMs
  }

  /** Every node that sent lately, one after the other: those may be many, and come while it is asked for. */
  *reports(): Generator<NodeReport> {
    const previous = this.#previous
    const current = this.#current
    for (const [node, before] of previous) yield reportOf(node, before, current.get(node))
    for (const [node, now] of current) if (!previous.has(node)) yield reportOf(node, now)
  }

  #of(node: Node): Observed | undefined {
    const known = this.#current.get(node)
    if (known !== undefined || !this.pool.hasRoom(this.sender)) return known
    this.pool.take(this.sender)
    const observed = new Observed()
    this.#current.set(node, observed)
    return observed
  }
}

class Observed {
  readonly shapes = new Float64Array(SHAPES)
  withoutId = 0
  connections = 0
  unnamed = 0
  endedAgain = 0
  ofOthers = 0
  disbelieved = 0
  furthestMs = 0
  /** Messages that told an end. */
  ends = 0
  leastLagMs = Number.POSITIVE_INFINITY
}

function reportOf(node: Node, ...parts: readonly (Observed | undefined)[]): NodeReport {
  const observed = parts.filter((part) => part !== undefined)
  const sum = (of: (part: Observed) => number): number =>
    observed.reduce((total, part) => total + of(part), 0)
  const shaped = (is: (shape: number) => boolean): number =>
    sum((part) => part.shapes.reduce((total, n, shape) => (is(shape) ? total + n : total), 0))
  const isEnd = (shape: number): boolean => (shape & (Shape.final | Shape.request)) === Shape.final
  const lag = Math.min(...observed.map((part) => part.leastLagMs))
  return {
    node,
    envoyMinor: envoyMinorOf(node.envoyVersion),
    entries: shaped(() => true),
    periodic: shaped((shape) => (shape & Shape.final) === 0),
    ends: shaped(isEnd),
    longEnds: shaped((shape) => isEnd(shape) && (shape & Shape.long) !== 0),
    untypedEnds: shaped((shape) => isEnd(shape) && (shape & Shape.untyped) !== 0),
    withoutId: sum((part) => part.withoutId),
    connections: sum((part) => part.connections),
    unnamed: sum((part) => part.unnamed),
    endedAgain: sum((part) => part.endedAgain),
    ofOthers: sum((part) => part.ofOthers),
    disbelieved: sum((part) => part.disbelieved),
    furthestMs: Math.max(...observed.map((part) => part.furthestMs)),
    lagMs: sum((part) => part.ends) > 0 ? lag : undefined,
    messagesWithEnds: sum((part) => part.ends),
  }
}
