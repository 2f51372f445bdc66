import type Database from 'better-sqlite3'
import type { RefusedRows } from './refused-rows.ts'

/** Rows of one statement: 1.2 to 1.6 times the rows a second of one-row statements (measured). */
const ROWS = 25

export type SqlValue = number | bigint | string | Uint8Array | null

export interface BulkStatementOptions {
  /** For `rejected_row`. */
  readonly table: string
  /** `INSERT INTO … (…)`; VALUES follow. */
  readonly insert: string
  /** Columns of a row. */
  readonly width: number
  /** `ON CONFLICT …`. */
  readonly onConflict: string
}

/**
 * An upsert of many rows, some at a time. When a statement is refused for its content its rows are
 * tried one by one: SQLite undoes a refused statement whole, so nothing is applied twice.
 */
export class BulkStatement {
  readonly #table: string
  readonly #width: number
  readonly #many: Database.Statement
  readonly #one: Database.Statement
  readonly #refused: RefusedRows
  #values: SqlValue[] = []
  #rows = 0

  constructor(database: Database.Database, refused: RefusedRows, options: BulkStatementOptions) {
    const { insert, width, onConflict } = options
    const row = `(${Array.from({ length: width }, () => '?').join(', ')})`
    const all = Array.from({ length: ROWS }, () => row).join(', ')
    this.#table = options.table
    this.#width = width
    this.#refused = refused
    this.#many = database.prepare(`${insert} VALUES ${all} ${onConflict}`)
    this.#one = database.prepare(`${insert} VALUES ${row} ${onConflict}`)
  }

  /** Forgets rows that a failed batch has left behind: it comes again, whole. */
  clear(): void {
    this.#values = []
    this.#rows = 0
  }

  /** Adds a row; it is in the file after `flush` at the latest. */
  add(...row: SqlValue[]): void {
    for (const value of row) this.#values.push(value)
    if (++this.#rows === ROWS) this.#runMany()
  }

  flush(): void {
    this.#runEach()
  }

  #runMany(): void {
    try {
      this.#many.run(this.#values)
    } catch (error) {
      if (!this.#refused.isForContent(error)) {
        this.clear()
        throw error
      }
      this.#runEach()
    }
    this.clear()
  }

  #runEach(): void {
    const values = this.#values
    const rows = this.#rows
    this.clear()
    for (let row = 0; row < rows; row++) {
      const own = values.slice(row * this.#width, (row + 1) * this.#width)
      this.#refused.attempt(this.#table, own, () => {
        this.#one.run(own)
      })
    }
  }
}
