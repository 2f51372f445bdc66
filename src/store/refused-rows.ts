import type Database from 'better-sqlite3'
import { isContentError } from './error-code.ts'

/** Set-aside rows that are kept; the oldest go first. */
const MAX_KEPT = 10_000

/**
 * Rows that SQLite refuses for their content (a constraint, a value of no known type). They are set
 * aside in `rejected_row` and counted; the rest of the batch goes on. Anything else that goes wrong is
 * the file's trouble and fails the batch, which is retried whole.
 */
export class RefusedRows {
  /** Refused rows of the batch under way. */
  count = 0
  #sequence = 0
  readonly #insert
  readonly #trim

  constructor(database: Database.Database) {
    this.#insert = database.prepare(
      'INSERT INTO rejected_row (sequence, table_name, reason, row) VALUES (?, ?, ?, ?)',
    )
    this.#trim = database.prepare(
      `DELETE FROM rejected_row WHERE id <= (SELECT max(id) FROM rejected_row) - ${MAX_KEPT}`,
    )
  }

  begin(sequence: number): void {
    this.count = 0
    this.#sequence = sequence
  }

  /** Whether an error is about a row, not about the file. */
  isForContent(error: unknown): boolean {
    return isContentError(error)
  }

  /** Runs a row's statement; sets the row aside if it is refused for its content. */
  attempt(table: string, row: readonly unknown[], run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!isContentError(error)) throw error
      this.refuse(table, row, error)
    }
  }

  /** Sets a row aside. */
  refuse(table: string, row: readonly unknown[], error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#insert.run(this.#sequence, table, reason, JSON.stringify(row, toJson))
    this.#trim.run()
    this.count++
  }
}

function toJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
