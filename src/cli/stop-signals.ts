/** The part of `process` that signals come from. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: (signal: NodeJS.Signals) => void): unknown
  off(signal: 'SIGTERM' | 'SIGINT', listener: (signal: NodeJS.Signals) => void): unknown
}

/** Ctrl-C under npm arrives twice within a millisecond: from the terminal and from npm. */
const SAME_SIGNAL_MS = 1000

/**
 * SIGTERM and SIGINT of a long-running command. `first` resolves with the first one; another one
 * more than a second later is an impatient person, and `again` is called, once per signal.
 */
export class StopSignals {
  readonly first: Promise<NodeJS.Signals>
  readonly #source: SignalSource
  readonly #listener: (signal: NodeJS.Signals) => void

  constructor(
    source: SignalSource,
    monotonicMs: () => number,
    again: (signal: NodeJS.Signals) => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
    let firstMs: number | undefined
    this.first = promise
    this.#source = source
    this.#listener = (signal) => {
      const nowMs = monotonicMs()
      if (firstMs === undefined) {
        firstMs = nowMs
        resolve(signal)
      } else if (nowMs - firstMs > SAME_SIGNAL_MS) again(signal)
    }
    source.on('SIGTERM', this.#listener)
    source.on('SIGINT', this.#listener)
  }

  /** Gives the signals back to whoever had them before. */
  close(): void {
    this.#source.off('SIGTERM', this.#listener)
    this.#source.off('SIGINT', this.#listener)
  }
}
