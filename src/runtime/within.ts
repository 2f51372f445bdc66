/**
 * Waits for work, `timeoutMs` at most; true if it is done by then. Rejects if the work does in this time. What
 * is late goes on; how it ends is not reported.
 */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(resolve, timeoutMs, false)
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
