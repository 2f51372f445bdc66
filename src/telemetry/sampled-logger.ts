import type { Logger } from './logger.ts'

export interface SampledLoggerOptions {
  /** The same message is logged at most once in this time, ms. */
  readonly intervalMs?: number
  /** A monotonic clock, ms. */
  readonly monotonicMs: () => number
}

const DEFAULT_INTERVAL_MS = 10_000
/** Messages are constants of the program; the bound only guards against one that is not. */
const MAX_MESSAGES = 1000

/**
 * A logger for trouble that may repeat with every message or commit: the same line at most once in a
 * while, with `suppressed`, how often it was left out since.
 */
export class SampledLogger {
  readonly #logger: Logger
  readonly #intervalMs: number
  readonly #monotonicMs: () => number
  readonly #seen = new Map<string, { loggedMs: number; suppressed: number }>()

  constructor(logger: Logger, { intervalMs, monotonicMs }: SampledLoggerOptions) {
    this.#logger = logger
    this.#intervalMs = intervalMs ?? DEFAULT_INTERVAL_MS
    this.#monotonicMs = monotonicMs
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  #log(level: 'warn' | 'error', fields: object, message: string): void {
    const nowMs = this.#monotonicMs()
    const seen = this.#seen.get(message)
    if (seen !== undefined && nowMs - seen.loggedMs < this.#intervalMs) {
      seen.suppressed++
      return
    }
    if (seen === undefined && this.#seen.size >= MAX_MESSAGES) this.#seen.clear()
    this.#seen.set(message, { loggedMs: nowMs, suppressed: 0 })
    const suppressed = seen?.suppressed ?? 0
    this.#logger[level](suppressed === 0 ? fields : { ...fields, suppressed }, message)
  }
}
