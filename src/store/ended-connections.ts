import type Database from 'better-sqlite3'
import type { ConnectionColumns } from '../model/batch.ts'
import { ConnectionState } from '../model/connection.ts'
import { COVERAGE_COUNTERS } from './coverage-table.ts'
import { saturatingAdd } from './saturating-add.ts'

/** Rows deleted in one slice: 100 to 200 ms on a slow disk, between two commits. */
const SLICE = 5000
/** What a row takes in the file, its index entries and the free part of pages included, at most (measured: 110 to 220). */
const CONNECTION_ROW_BYTES = 256
/** A count that is over the bound is checked by counting, at most this often, ms of the ledger clock. */
const COUNT_EVERY_MS = 600_000

export interface ConnectionBounds {
  /** Rows of closed and orphaned connections at most; undefined = any number. */
  readonly maxConnections?: number
  /** The same in bytes, at `CONNECTION_ROW_BYTES` a row. */
  readonly maxConnectionBytes?: number
}

/** How the rows of closed and orphaned connections stand. */
export interface EndedState {
  readonly rows: number
  /** Rows that left before their time, for want of room, since the file was opened. */
  readonly leftEarly: number
}

/**
 * Rows of connections that have closed or fallen silent: the file keeps a bounded number of them. The
 * one that last reported longest ago leaves first, closed ones before orphaned ones (which may report
 * again) unless those are more than half. Open ones stay: the ledger bounds them.
 *
 * What has left is not recognised any more: the file notes until when (`forgotten_before_ms`).
 *
 * The number of rows is counted when the file is opened and kept since: a row that is replaced counts
 * once more, so the number is never too small. Before rows leave it is counted again, now and then.
 */
export class EndedConnections {
  readonly #maxRows: number
  readonly #statements
  readonly #delete: (rows: readonly OldRow[]) => void
  #closed = 0
  #orphaned = 0
  #countedMs = Number.NEGATIVE_INFINITY
  /** Counts of the batch that is being applied. */
  #adding = { closed: 0, orphaned: 0, left: { closed: 0, orphaned: 0 } }
  #leftEarly = 0

  constructor(database: Database.Database, bounds: ConnectionBounds) {
    const byBytes = (bounds.maxConnectionBytes ?? Number.POSITIVE_INFINITY) / CONNECTION_ROW_BYTES
    this.#maxRows = Math.min(bounds.maxConnections ?? Number.POSITIVE_INFINITY, Math.floor(byBytes))
    // `state <> open` says again what the partial index says: SQLite uses it for these words only.
    const ended = (columns: string) =>
      `SELECT ${columns} FROM connection WHERE state = ? AND state <> ${ConnectionState.open}`
    this.#statements = {
      count: database.prepare(ended('count(*)')).pluck(),
      oldest: database.prepare(`
        ${ended('key, state, node_id, moment_ms, last_arrival_ms, lost')}
        ORDER BY last_ledger_ms LIMIT ?`),
      before: database.prepare(`
        ${ended('key, state, node_id, moment_ms, last_arrival_ms, lost')} AND last_ledger_ms < ?
        ORDER BY last_ledger_ms LIMIT ${SLICE}`),
      remove: database.prepare('DELETE FROM connection WHERE key = ?'),
      orphanForGood: database.prepare(`
        INSERT INTO coverage_hour (window_ms, node_id, window_seconds, ${COVERAGE_COUNTERS.join(', ')})
        VALUES (?, ?, 3600, ${COVERAGE_COUNTERS.map((name) => ({ orphaned: '1', lost: '?' })[name as string] ?? '0').join(', ')})
        ON CONFLICT DO UPDATE SET orphaned = orphaned + 1, ${saturatingAdd('lost')}`),
      forget: database.prepare(
        'UPDATE ledger SET forgotten_before_ms = max(forgotten_before_ms, ?)',
      ),
    }
    this.#delete = database.transaction((rows: readonly OldRow[]) => this.remove(rows))
  }

  get state(): EndedState {
    return { rows: this.#closed + this.#orphaned, leftEarly: this.#leftEarly }
  }

  /** Counts the rows; reads an index of about 30 bytes a row. */
  count(): void {
    this.#closed = this.#statements.count.get(ConnectionState.closed) as number
    this.#orphaned = this.#statements.count.get(ConnectionState.orphaned) as number
  }

  /**
   * In the transaction of a batch, before its rows: as many rows leave as it brings beyond the bound. A
   * flood pays for its rows itself, and the file does not grow however fast it comes.
   */
  makeRoom(rows: ConnectionColumns, ledgerMs: number): void {
    const adding = { closed: 0, orphaned: 0, left: { closed: 0, orphaned: 0 } }
    this.#adding = adding
    for (let i = 0; i < rows.count; i++) {
      if (rows.state[i] === ConnectionState.closed) adding.closed++
      else if (rows.state[i] === ConnectionState.orphaned) adding.orphaned++
    }
    const brought = adding.closed + adding.orphaned
    const over = () => this.#closed + this.#orphaned + brought - this.#maxRows
    if (over() <= 0) return
    this.#countNowAndThen(ledgerMs)
    let left = Math.min(over(), brought + SLICE)
    while (left > 0) {
      const old = this.#oldest(Math.min(left, SLICE), adding.left)
      if (old.length === 0) return
      this.remove(old)
      for (const { state } of old) {
        if (state === ConnectionState.closed) adding.left.closed++
        else adding.left.orphaned++
      }
      left -= old.length
    }
  }

  /** The batch is in the file. */
  committed(): void {
    const { closed, orphaned, left } = this.#adding
    this.#closed += closed - left.closed
    this.#orphaned += orphaned - left.orphaned
    this.#leftEarly += left.closed + left.orphaned
    this.#adding = { closed: 0, orphaned: 0, left: { closed: 0, orphaned: 0 } }
  }

  /** One slice of what is too much (a bound that was lowered); false if nothing is. */
  stepToBound(): boolean {
    const over = this.#closed + this.#orphaned - this.#maxRows
    if (over <= 0) return false
    const old = this.#oldest(Math.min(over, SLICE), { closed: 0, orphaned: 0 })
    if (old.length === 0) {
      this.count()
      return false
    }
    this.#delete(old)
    this.#subtract(old)
    this.#leftEarly += old.length
    return true
  }

  /** One slice of rows that last reported before this ledger time; false if there are none. */
  stepOld(beforeMs: number): boolean {
    for (const state of [ConnectionState.closed, ConnectionState.orphaned]) {
      const old = this.#statements.before.all(state, beforeMs) as OldRow[]
      if (old.length === 0) continue
      this.#delete(old)
      this.#subtract(old)
      return true
    }
    return false
  }

  /** Deletes rows, in the caller's transaction. */
  remove(rows: readonly OldRow[]): void {
    let newest = 0
    // In the order of the table: neighbours share pages.
    for (const row of rows.toSorted((a, b) => Buffer.compare(a.key, b.key))) {
      this.#statements.remove.run(row.key)
      newest = Math.max(newest, row.last_arrival_ms)
      if (row.state !== ConnectionState.orphaned) continue
      const hour = Math.floor(row.moment_ms / 3_600_000) * 3_600_000
      this.#statements.orphanForGood.run(hour, row.node_id, row.lost)
    }
    this.#statements.forget.run(newest)
  }

  #oldest(most: number, left: { readonly closed: number; readonly orphaned: number }): OldRow[] {
    const orphaned = this.#orphaned - left.orphaned
    const closed = this.#closed - left.closed
    const { oldest } = this.#statements
    const orphansFirst = orphaned > this.#maxRows / 2 || closed <= 0
    const states = [ConnectionState.closed, ConnectionState.orphaned]
    for (const state of orphansFirst ? states.toReversed() : states) {
      const rows = oldest.all(state, most) as OldRow[]
      if (rows.length > 0) return rows
    }
    return []
  }

  #countNowAndThen(ledgerMs: number): void {
    if (ledgerMs - this.#countedMs < COUNT_EVERY_MS) return
    this.#countedMs = ledgerMs
    this.count()
  }

  #subtract(rows: readonly OldRow[]): void {
    for (const { state } of rows) {
      if (state === ConnectionState.closed) this.#closed--
      else this.#orphaned--
    }
  }
}

export interface OldRow {
  readonly key: Uint8Array
  readonly state: number
  readonly node_id: number
  readonly moment_ms: number
  readonly last_arrival_ms: number
  readonly lost: number
}
