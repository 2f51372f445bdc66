import { setImmediate as turn } from 'node:timers/promises'
import type { Answers } from './ledger/held-samples.ts'
import type { StoreBatch } from './model/batch.ts'
import type { StoredConnection } from './model/connection.ts'
import type { Pipeline } from './pipeline.ts'

/** Answers of the file that are applied in one turn of the loop: a few milliseconds of work. */
const ANSWERS_AT_ONCE = 250

/** What the committer needs of the store. */
interface BatchStore {
  commit(batch: StoreBatch): Promise<CommitOutcome>
  lookup(keys: Uint8Array): Promise<(StoredConnection | undefined)[]>
}

interface CommitOutcome {
  /** Rows refused for their content: set aside in the file, not retried. */
  readonly rowsRefused: number
  /** Sums that reached 2^63-1. */
  readonly saturated: number
  readonly outbox: { readonly minutesHoldMs: number; readonly dueMs?: number }
  /** Where the file's mark of the minutes is, if the batch says that the wall clock was set. */
  readonly minutesFromMs?: number | undefined
  readonly durationMs: number
}

/** Questions that the store has at one time: while it commits they wait together. */
const MOST_ASKED = 8

/**
 * Carries changes from the pipeline to the store and answers back. One batch at a time: until its
 * outcome is known no other is cut, and what arrives meanwhile gathers for the next.
 */
export class Committer {
  commits = 0
  rowsRefused = 0
  saturated = 0
  lookups = 0
  lastCommitMs = 0
  readonly #pipeline: Pipeline
  readonly #store: BatchStore
  #committing: Promise<void> | undefined
  /**
   * Why a batch did not go in. Nothing may follow it: the next one's connections would say that its
   * bytes are counted.
   */
  #failure: Error | undefined
  #asking: Promise<void> | undefined
  #answering: Promise<void> = Promise.resolve()

  constructor(pipeline: Pipeline, store: BatchStore) {
    this.#pipeline = pipeline
    this.#store = store
  }

  /**
   * Cuts and commits a batch if something changed and none is under way. Resolves when the batch is
   * in the file; rejects when the store has given up (`store_uncommitted`) or died, from then on always.
   */
  async commit(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#committing !== undefined) {
      await this.#committing
      return
    }
    if (!this.#pipeline.hasChanges) return
    this.#committing = this.#commitOne()
    try {
      await this.#committing
    } finally {
      this.#committing = undefined
    }
  }

  /** As `commit`, of everything that has come until now. */
  async commitAll(): Promise<void> {
    // One that is under way does not hold what came since.
    if (this.busy) await this.commit()
    await this.commit()
  }

  get busy(): boolean {
    return this.#committing !== undefined
  }

  /** Asks the file about ids that wait for it; resolves when none waits any more. */
  async ask(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  /** Everything received so far, into the file; what has not come yet of a message is not waited for. */
  async flush(): Promise<void> {
    this.#pipeline.endMessages()
    let unanswered: unknown
    if (this.#pipeline.held.size > 0) {
      await this.ask().catch((error: unknown) => {
        unanswered = error
      })
    }
    if (this.busy || this.#failure !== undefined) await this.commit()
    if (this.#pipeline.hasChanges) await this.commit()
    // What could be committed is; what waits for an answer that did not come is not.
    if (unanswered !== undefined) throw unanswered
  }

  async #commitOne(): Promise<void> {
    const outcome = await this.#commitBatch(this.#pipeline.cut())
    const { minutesHoldMs, dueMs } = outcome.outbox
    this.#pipeline.committed(minutesHoldMs, outcome.minutesFromMs, dueMs)
    this.commits++
    this.rowsRefused += outcome.rowsRefused
    this.saturated += outcome.saturated
    this.lastCommitMs = outcome.durationMs
  }

  async #commitBatch(batch: StoreBatch): Promise<CommitOutcome> {
    try {
      return await this.#store.commit(batch)
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw this.#failure
    }
  }

  async #askAll(): Promise<void> {
    const asked = new Set<Promise<void>>()
    for (;;) {
      while (asked.size < MOST_ASKED && this.#pipeline.held.hasQuestions) {
        const one = this.#askOne().finally(() => asked.delete(one))
        // The first failure is thrown below.
        one.catch(() => undefined)
        asked.add(one)
      }
      if (asked.size === 0) return
      await Promise.race(asked)
    }
  }

  /** One question of bounded size. */
  async #askOne(): Promise<void> {
    const keys = this.#pipeline.held.takeQuestions()
    this.lookups += keys.length / 16
    const answers = await this.#store.lookup(keys)
    // Answers of several questions can come in one turn: they are applied one after the other.
    this.#answering = this.#answering.then(() => this.#apply(keys, answers))
    await this.#answering
  }

  async #apply(keys: Uint8Array, answers: Answers): Promise<void> {
    // After an outage 100,000 wait: what arrives meanwhile has its turn between them.
    for (let at = 0; at < answers.length; at += ANSWERS_AT_ONCE) {
      await turn()
      const end = at + ANSWERS_AT_ONCE
      this.#pipeline.answer(keys.subarray(at * 16, end * 16), answers.slice(at, end))
      // What waited can be more than memory has room for.
      if (this.#pipeline.isCrowded) await this.commitAll()
    }
  }
}
