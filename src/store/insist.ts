import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '../runtime/backoff.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { isDamage, troubleCode } from './error-code.ts'
import type { Trouble } from './thread-messages.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000
export const TELL_EVERY_MS = 10_000

export interface TroubleEvents {
  trouble(trouble: Trouble): void
  recovered(): void
}

/**
 * Gets something done with the file (a batch in, an answer out): the same attempt, again and again,
 * until it succeeds or nobody waits for it any more. Between attempts the thread is free, so that
 * everything else goes on meanwhile. Rejects with `store_uncommitted` once it was abandoned, and at once
 * where the file is damaged.
 */
export async function insist<T>(
  attempt: () => T,
  abandoned: AbortSignal,
  events: TroubleEvents,
): Promise<{ readonly value: T; readonly durationMs: number }> {
  let attempts = 0
  let firstFailureMs = 0
  let toldMs = Number.NEGATIVE_INFINITY
  const backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
  for (;;) {
    const startMs = performance.now()
    try {
      const value = attempt()
      if (attempts > 0) events.recovered()
      return { value, durationMs: performance.now() - startMs }
    } catch (error) {
      // What was asked for makes no sense, or the file is damaged: it never will.
      if (error instanceof ServiceError || isDamage(error)) throw error
      attempts++
      if (attempts === 1) firstFailureMs = startMs
      const trouble = troubleOf(error, attempts, startMs - firstFailureMs)
      if (startMs - toldMs >= TELL_EVERY_MS) {
        events.trouble(trouble)
        toldMs = startMs
      }
      if (abandoned.aborted) throw uncommitted(trouble)
      // The promise also ends, early, when it is abandoned: then one last attempt is made.
      await sleep(backoff.next(), undefined, { signal: abandoned }).catch(() => undefined)
    }
  }
}

function troubleOf(error: unknown, attempts: number, sinceMs: number): Trouble {
  return {
    code: troubleCode(error),
    message: error instanceof Error ? error.message : String(error),
    attempts,
    sinceMs,
  }
}

function uncommitted({ code, message, attempts }: Trouble): ServiceError {
  return new ServiceError(
    'store_uncommitted',
    `the file failed ${attempts} attempts: ${message} (${code})`,
  )
}
