/**
 * What the service is fit for:
 *
 *     starting ──▶ ready ◀──▶ memory      memory: its budget is spent
 *         │          │           │
 *         └──────────┴───────────┴──▶ stopping, for good
 *
 * Failing commits are no state here: without endpoints Envoys would drop data or grow without
 * bound, so the receiver stays ready while memory lasts.
 */
export type HealthState = 'starting' | 'ready' | 'memory' | 'stopping'

const REASONS: Readonly<Record<HealthState, string>> = {
  starting: 'starting',
  ready: 'ready',
  memory: 'memory budget is spent',
  stopping: 'stopping',
}

/** Holds the state; everything that tells somebody whether we are ready reads it here. */
export class Health {
  #state: HealthState = 'starting'
  readonly #listeners = new Set<(state: HealthState) => void>()

  get state(): HealthState {
    return this.#state
  }

  /** True when Envoys should send to this process. */
  get ready(): boolean {
    return this.#state === 'ready'
  }

  /** Why it is (not) ready, for people. */
  get reason(): string {
    return REASONS[this.#state]
  }

  /** Sets the state and tells the listeners, once per change. Nothing follows `stopping`. */
  set(state: HealthState): void {
    if (state === this.#state || this.#state === 'stopping') return
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }

  /** Calls back after every change, until the returned function is called. */
  onChange(listener: (state: HealthState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
