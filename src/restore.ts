import type { Pipeline } from './pipeline.ts'
import type { Store } from './store/store.ts'

const DAY_MS = 86_400_000

/**
 * Puts back what the file knows, a page at a time (millions of rows are not held twice): the names of the
 * day, for the budgets, and the open connections. Rows beyond `maxConnections` stay in the
 * file and are looked up when they speak.
 */
export async function restore(
  pipeline: Pipeline,
  store: Store,
  maxConnections: number,
  nowMs: number,
): Promise<void> {
  const dayMs = Math.floor(nowMs / DAY_MS) * DAY_MS
  pipeline.restore([], [], nowMs)
  for await (const page of store.pairsBetween(dayMs, dayMs + DAY_MS)) {
    pipeline.restore([], page, nowMs)
  }
  for await (const page of store.openConnections(maxConnections)) pipeline.restore(page, [], nowMs)
}
