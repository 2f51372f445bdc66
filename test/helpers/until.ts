import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until the condition gives a value that is not `undefined` or false; what it throws counts
 * as "not yet". Fails, with the last error as its cause, when the time is over.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause })
    }
    await sleep(25)
  }
}
