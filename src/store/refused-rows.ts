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

  /** Runs a row's statement. False if the row was refused; `row` describes it. */
  attempt(table: string, row: () => Record<string, unknown>, run: () => void): boolean {
    try {
      run()
      return true
    } catch (error) {
      if (!isContentError(error)) throw error
      const reason = error instanceof Error ? error.message : String(error)
      this.#insert.run(this.#sequence, table, reason, JSON.stringify(row()))
      this.#trim.run()
      this.count++
      return false
    }
  }
}
