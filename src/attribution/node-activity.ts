import type { ActivityReport } from '../model/node-activity.ts'
import type { Node } from '../model/source.ts'
import { sharedPool } from '../runtime/fair-share.ts'

/** What was last seen longer ago than two of these is forgotten. */
const GENERATION_MS = 3 * 3_600_000
/** Nodes of a generation, shared out among senders. */
const MAX_NODES = 100_000

/**
 * When each node has sent messages, of the last three to six hours, and how many of its connections
 * went silent after that: what gives away a node that stopped reporting.
 */
export class NodeActivity {
  /** Nodes of this generation, by sender. */
  readonly pool = sharedPool(MAX_NODES)
  /** Since when it looks, unix ms; 0 before the first `at`. */
  startedMs = 0
  /** The last arrival of any node's message, unix ms; 0 = none yet. */
  lastMs = 0
  #current = new Map<Node, Activity>()
  #previous = new Map<Node, Activity>()
  #sinceMs = 0

  /** Takes the time, unix ms. */
  at(nowMs: number): void {
    if (this.#sinceMs === 0) this.#sinceMs = this.startedMs = nowMs
    if (nowMs - this.#sinceMs < GENERATION_MS) return
    this.#previous = this.#current
    this.#current = new Map()
    this.pool.clear()
    this.#sinceMs = nowMs
  }

  /** The wall clock was set. */
  stepped(byMs: number): void {
    this.#sinceMs += byMs
    this.startedMs += byMs
    if (this.lastMs !== 0) this.lastMs += byMs
    for (const activity of [...this.#previous.values(), ...this.#current.values()]) {
      if (activity.lastMs === 0) continue
      activity.firstMs += byMs
      activity.lastMs += byMs
    }
  }

  /** A node has sent a message; `periodic` if it had entries that were no ends. */
  sent(node: Node, periodic: boolean, sender: string, arrivalMs: number): void {
    this.lastMs = arrivalMs
    const activity = this.#of(node, sender)
    if (activity === undefined) return
    if (activity.lastMs === 0) activity.firstMs = arrivalMs
    activity.lastMs = arrivalMs
    activity.periodic ||= periodic
    activity.orphaned = 0
  }

  /** A connection of a node went silent without an end. */
  orphaned(node: Node): void {
    const activity = this.#of(node, '')
    if (activity !== undefined) activity.orphaned++
  }

  /** Every node of the last hours, one after the other. */
  *reports(): Generator<ActivityReport> {
    const current = this.#current
    for (const [node, activity] of this.#previous) {
      if (!current.has(node)) yield { node, ...activity }
    }
    for (const [node, activity] of current) yield { node, ...activity }
  }

  #of(node: Node, sender: string): Activity | undefined {
    const known = this.#current.get(node)
    if (known !== undefined || !this.pool.hasRoom(sender)) return known
    this.pool.take(sender)
    const activity = this.#previous.get(node) ?? {
      firstMs: 0,
      lastMs: 0,
      periodic: false,
      orphaned: 0,
    }
    this.#current.set(node, activity)
    return activity
  }
}

interface Activity {
  firstMs: number
  lastMs: number
  periodic: boolean
  orphaned: number
}
