import type { Committer } from './committer.ts'
import type { AccessLogReceiver } from './receiver/server.ts'
import { within } from './runtime/within.ts'

/** Longest time that senders wait for the file, ms. */
const MOST_WAIT_MS = 10_000

/**
 * Makes room at once when senders bring more than memory has room for between two commits, and lets them go
 * on then. While a commit takes longer than senders can wait (a full disk), memory takes what comes, as far
 * as it has room.
 */
export class CrowdRelief {
  readonly #committer: Pick<Committer, 'ask' | 'commitAll'>
  readonly #receiver: Pick<AccessLogReceiver, 'release'>
  readonly #failed: (error: unknown) => void
  readonly #mostWaitMs: number
  #isRunning = false
  #isLate = false

  constructor(
    committer: Pick<Committer, 'ask' | 'commitAll'>,
    receiver: Pick<AccessLogReceiver, 'release'>,
    failed: (error: unknown) => void,
    mostWaitMs = MOST_WAIT_MS,
  ) {
    this.#committer = committer
    this.#receiver = receiver
    this.#failed = failed
    this.#mostWaitMs = mostWaitMs
  }

  /** Begins to make room. False if it makes no sense that senders wait for it. */
  begin(): boolean {
    if (this.#isLate) return false
    if (!this.#isRunning) void this.#run()
    return true
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const made = this.#makeRoom().catch(this.#failed)
    if (!(await within(this.#mostWaitMs, made))) {
      this.#isLate = true
      void made.then(() => {
        this.#isLate = false
      })
    }
    this.#isRunning = false
    this.#receiver.release()
  }

  async #makeRoom(): Promise<void> {
    await this.#committer.ask()
    await this.#committer.commitAll()
  }
}
