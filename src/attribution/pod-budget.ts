import { type FairShare, sharedPool } from '../runtime/fair-share.ts'

const HOUR_MS = 3_600_000

/**
 * Distinct pairs of pod and name of the current UTC hour: each is a row of the file. Pods come and go, and
 * node ids and peers are what senders say, so beyond the budget usage is kept per workload only. Shared out
 * among senders. Hours only move forward, unless the wall clock was set.
 */
export class PodBudget {
  /** Pairs, by the sender that first used them. */
  readonly pairs: FairShare
  readonly #namesOfPod = new Map<number, Set<number>>()
  #hour = 0

  constructor(perHour: number) {
    this.pairs = sharedPool(perHour)
  }

  /** Begins a new hour if the moment lies in a later one. */
  advance(nowMs: number): void {
    const hour = Math.floor(nowMs / HOUR_MS)
    if (hour <= this.#hour) return
    this.#hour = hour
    this.pairs.clear()
    this.#namesOfPod.clear()
  }

  /** The wall clock was set: the pairs of the hour stay. */
  stepTo(nowMs: number): void {
    this.#hour = Math.min(this.#hour, Math.floor(nowMs / HOUR_MS))
  }

  /** Pairs that the file has of this hour already; nobody knows who used them. */
  seed(pairs: number): void {
    if (pairs > 0) this.pairs.takeForAll(pairs)
  }

  /** Whether a sender may use this pair; counts it if it is new. */
  take(pod: number, destination: number, sender: string): boolean {
    let names = this.#namesOfPod.get(pod)
    if (names?.has(destination) === true) return true
    if (!this.pairs.hasRoom(sender)) return false
    if (names === undefined) {
      names = new Set()
      this.#namesOfPod.set(pod, names)
    }
    names.add(destination)
    this.pairs.take(sender)
    return true
  }

  /** Pods of this hour's pairs. */
  pods(): Iterable<number> {
    return this.#namesOfPod.keys()
  }
}
