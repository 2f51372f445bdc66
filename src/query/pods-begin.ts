import type Database from 'better-sqlite3'

/**
 * Since when usage is kept per pod, unix ms, if the file has usage of before that which `sinceMs` does not leave
 * out; undefined where nothing is missing. Infinite where no pods are kept.
 */
export function podsBegin(database: Database.Database, sinceMs = 0): number | undefined {
  const first = (table: string): number => {
    const ms = database.prepare(`SELECT min(window_ms) FROM ${table}`).pluck().get()
    return ms === null ? Number.POSITIVE_INFINITY : Number(ms)
  }
  const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'usage_pod'").get()
  if (exists === undefined) return undefined
  const usageMs = Math.min(first('usage_minute'), first('usage_hour'))
  const podsMs = first('usage_pod')
  return Math.max(usageMs, sinceMs) < podsMs ? podsMs : undefined
}
