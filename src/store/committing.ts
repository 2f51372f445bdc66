import { setTimeout as sleep } from 'node:timers/promises'
import type { StoreBatch } from '../model/batch.ts'
import { Backoff } from '../runtime/backoff.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { sqliteCode } from './error-code.ts'
import type { CommitOutcome, Trouble } from './thread-messages.ts'
import type { Writer } from './writer.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000
/** Trouble that lasts is told again after this long, ms. */
export const TELL_EVERY_MS = 10_000

export interface CommitEvents {
  trouble(trouble: Trouble): void
  recovered(): void
}

/**
 * Gets one batch into the file: the same batch, again and again, until it is in or nobody waits for it
 * any more. Between attempts the thread is free, so that lookups are answered meanwhile.
 */
export async function commitBatch(
  writer: Writer,
  batch: StoreBatch,
  abandoned: AbortSignal,
  events: CommitEvents,
): Promise<CommitOutcome> {
  let attempts = 0
  let firstFailureMs = 0
  let toldMs = Number.NEGATIVE_INFINITY
  const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
  for (;;) {
    const startMs = performance.now()
    try {
      const applied = writer.apply(batch)
      if (attempts > 0) events.recovered()
      return { ...applied, durationMs: performance.now() - startMs }
    } catch (error) {
      attempts++
      if (attempts === 1) firstFailureMs = startMs
      const trouble = troubleOf(error, attempts, startMs - firstFailureMs)
      if (startMs - toldMs >= TELL_EVERY_MS) {
        events.trouble(trouble)
        toldMs = startMs
      }
      if (abandoned.aborted) throw uncommitted(trouble)
      // The promise also ends, early, when the batch is abandoned: then one last attempt is made.
      await sleep(backoff.next(), undefined, { signal: abandoned }).catch(() => undefined)
    }
  }
}

function troubleOf(error: unknown, attempts: number, sinceMs: number): Trouble {
  return {
    code: sqliteCode(error) ?? 'unknown',
    message: error instanceof Error ? error.message : String(error),
    attempts,
    sinceMs,
  }
}

function uncommitted({ code, message, attempts }: Trouble): ServiceError {
  return new ServiceError(
    'store_uncommitted',
    `the last batch is not in the file after ${attempts} attempts: ${message} (${code})`,
  )
}
