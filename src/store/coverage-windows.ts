import type Database from 'better-sqlite3'

/**
 * How many rows a table of coverage has, window by window: each is counted once, when nothing is added
 * to it any more, so that no statement counts a whole table.
 */
export class CoverageWindows {
  /** Rows in the windows that were counted. */
  total = 0
  readonly #rows = new Map<number, number>()
  readonly #next
  readonly #count
  #countedMs = Number.MIN_SAFE_INTEGER

  constructor(database: Database.Database, table: 'coverage_minute' | 'coverage_hour') {
    this.#next = database
      .prepare(`SELECT min(window_ms) FROM ${table} WHERE window_ms > ? AND window_ms < ?`)
      .pluck()
    this.#count = database.prepare(`SELECT count(*) FROM ${table} WHERE window_ms = ?`).pluck()
  }

  /** Counts the next window that begins before this; false if there is none. */
  countNext(beforeMs: number): boolean {
    const window = this.#next.get(this.#countedMs, beforeMs) as number | null
    if (window === null) return false
    const rows = this.#count.get(window) as number
    this.#countedMs = window
    this.#rows.set(window, rows)
    this.total += rows
    return true
  }

  /** A window has left the table. */
  left(window: number): void {
    this.total -= this.#rows.get(window) ?? 0
    this.#rows.delete(window)
  }
}
