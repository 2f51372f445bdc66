import type { Logger } from './telemetry/logger.ts'
import { SampledLogger } from './telemetry/sampled-logger.ts'

/** SQLite cuts the log back to 64 MiB (`journal_size_limit`): four times that is a reader that does not end. */
const LARGE_BYTES = 256 * 1024 ** 2
/** The same line at most this often, ms. */
const LOG_EVERY_MS = 60_000

/**
 * Watches the write-ahead log of the file. A read transaction that does not end keeps SQLite from
 * reusing the log, which then grows with every commit. Nothing here can end another program's read: the
 * log line says how to find it.
 */
export class WalWatch {
  readonly #logger: SampledLogger
  readonly #walBytes: () => number
  #isLarge = false

  constructor(
    logger: Logger,
    walBytes: () => number,
    monotonicMs: () => number = () => performance.now(),
  ) {
    this.#logger = new SampledLogger(logger, { intervalMs: LOG_EVERY_MS, monotonicMs })
    this.#walBytes = walBytes
  }

  /** Looks at the log once. */
  look(path: string): void {
    const walBytes = this.#walBytes()
    if (walBytes > LARGE_BYTES) {
      this.#isLarge = true
      this.#logger.warn(
        { path: `${path}-wal`, walBytes },
        'the write-ahead log grows: a program has been reading the file for long; find it with `fuser -v` on the file (a shell in a transaction, a backup) and end it',
      )
    } else if (this.#isLarge) {
      this.#isLarge = false
      this.#logger.warn({ path: `${path}-wal`, walBytes }, 'the write-ahead log is small again')
    }
  }
}
