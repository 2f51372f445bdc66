import { OTHER_NAME } from '../model/destination.ts'
import { NO_SENDER } from '../runtime/sender-slots.ts'
import { Dictionary } from './dictionary.ts'
import type { IdMarks } from './id-marks.ts'
import { PodBudget } from './pod-budget.ts'

/** A pod of a workload. The empty text stands for a pod that is not known. */
export interface Pod {
  readonly pod: string
  readonly workload: number
}

/** Pods known at one time, and new ones of a day, as many as nodes; shared out among senders. */
const MAX_PODS = 100_000

/**
 * Session ids of the pods of workloads. Each workload has `__other__` beside its pods, for what finds no room, so
 * that the pods of a workload always add up to it.
 */
export class SessionPods {
  /** Pods that found no room: they are `__other__` of their workload. */
  overflows = 0
  readonly dictionary = new Dictionary<Pod>(0, MAX_PODS)
  readonly budget: PodBudget
  /** Ids that a sweep under way must not take back. */
  readonly #used: IdMarks

  constructor(pairsPerHour: number, used: IdMarks) {
    this.budget = new PodBudget(pairsPerHour)
    this.#used = used
  }

  /** Id of a pod as a sender reports it. */
  of(workload: number, pod: string, sender: string): number {
    const known = this.dictionary.find(keyOf(workload, pod))
    if (known === undefined && pod !== '' && !this.dictionary.hasRoom(sender)) {
      this.overflows++
      return this.#intern(workload, OTHER_NAME, NO_SENDER)
    }
    return this.#intern(workload, pod, pod === '' ? NO_SENDER : sender)
  }

  /** Id of a pod that the file already has. */
  ofStored(workload: number, pod: string): number {
    return this.#intern(workload, pod, NO_SENDER)
  }

  /** The pod, or `__other__` of its workload where the pair is beyond the sender's share of the hour. */
  budgeted(pod: number, destination: number, sender: string): number {
    const { pod: name, workload } = this.dictionary.value(pod)
    if (name === '' || name === OTHER_NAME) return pod
    if (this.budget.take(pod, destination, sender)) {
      this.#used.add(pod)
      return pod
    }
    return this.#intern(workload, OTHER_NAME, NO_SENDER)
  }

  #intern(workload: number, pod: string, sender: string): number {
    const id = this.dictionary.intern(keyOf(workload, pod), { pod, workload }, sender)
    this.#used.add(id)
    return id
  }
}

function keyOf(workload: number, pod: string): string {
  return `${workload} ${pod}`
}
