import type Database from 'better-sqlite3'
import { ConnectionState } from '../model/connection.ts'
import { COVERAGE_COUNTERS } from './coverage-table.ts'
import { CoverageWindows } from './coverage-windows.ts'
import type { ConnectionBounds, EndedConnections, OldRow } from './ended-connections.ts'
import { saturatingAdd } from './saturating-add.ts'

/** Hours of usage deleted in an hour of ledger time at most. */
const HOURS_PER_PASS = 24
/** Connection rows looked at in one slice: a few ms. */
const CONNECTION_SLICE = 5000

/** Rows of coverage per minute, and per hour, at most; about 65 bytes each. */
const COVERAGE_ROWS = 20_000_000
/** A window is counted when it is this old, ms: nothing is added to it any more. */
const SETTLED_MS = 600_000

export interface RetentionConfig extends ConnectionBounds {
  /** For tests; rows of coverage per minute, and per hour, at most. */
  readonly maxCoverageRows?: number
  /** Hours are kept this long before the newest moment, ms. */
  readonly hoursMs: number
  /** Hours of usage per pod are kept this long, ms; as long as hours if it is not given. */
  readonly podsMs?: number
  /** Connections are kept this long after they last spoke, ms of the ledger clock. */
  readonly connectionsMs: number
}

/**
 * Moves minutes into hours and deletes what is old, in slices that each change no total: a row is in
 * one table before a slice and in the other after it.
 */
export class Retention {
  readonly #config: RetentionConfig
  readonly #database: Database.Database
  readonly #ended: EndedConnections
  readonly #coverageMinutes: CoverageWindows
  readonly #coverageHours: CoverageWindows
  readonly #statements
  /**
   * Ledger time since which hours were deleted, and how many more may be. With a wall clock the first
   * are an hour after the start: by then it is set.
   */
  #hoursMs: number
  #hoursLeft = 0
  #cursor: Uint8Array = new Uint8Array(0)
  /** Ledger time at which the last pass over all connections began. */
  #passMs = Number.NEGATIVE_INFINITY

  constructor(
    database: Database.Database,
    config: RetentionConfig,
    wallClock: boolean,
    ended: EndedConnections,
  ) {
    this.#ended = ended
    this.#coverageMinutes = new CoverageWindows(database, 'coverage_minute')
    this.#coverageHours = new CoverageWindows(database, 'coverage_hour')
    this.#config = config
    this.#database = database
    const oldest = (table: string) =>
      database.prepare(`SELECT min(window_ms) FROM ${table}`).pluck()
    const removeWindow = (table: string) =>
      database.prepare(`DELETE FROM ${table} WHERE window_ms = ?`)
    this.#statements = {
      clock: database.prepare('SELECT ledger_ms, newest_ms, minutes_from_ms FROM ledger'),
      oldestMinute: oldest('usage_minute'),
      oldestCoverage: oldest('coverage_minute'),
      oldestHour: oldest('usage_hour'),
      oldestPodHour: oldest('usage_pod'),
      oldestCoverageHour: oldest('coverage_hour'),
      usageToHour: database.prepare(`
        INSERT INTO usage_hour (window_ms, workload_id, destination_id, window_seconds,
                                upload, download, estimated, opened, closed)
        SELECT window_ms / 3600000 * 3600000, workload_id, destination_id, max(3600, window_seconds),
               upload, download, estimated, opened, closed
        FROM usage_minute WHERE window_ms = ?
        ON CONFLICT DO UPDATE SET
          ${saturatingAdd('upload')}, ${saturatingAdd('download')}, ${saturatingAdd('estimated')},
          opened = opened + excluded.opened, closed = closed + excluded.closed`),
      coverageToHour: database.prepare(`
        INSERT INTO coverage_hour (window_ms, node_id, window_seconds, ${COVERAGE_COUNTERS.join(', ')})
        SELECT window_ms / 3600000 * 3600000, node_id, max(3600, window_seconds),
               ${COVERAGE_COUNTERS.join(', ')}
        FROM coverage_minute WHERE window_ms = ?
        ON CONFLICT DO UPDATE SET
          ${COVERAGE_COUNTERS.map(saturatingAdd).join(', ')}`),
      removeMinute: removeWindow('usage_minute'),
      removePublications: removeWindow('publication'),
      removeCoverage: removeWindow('coverage_minute'),
      removePodHour: removeWindow('usage_pod'),
      removeHour: removeWindow('usage_hour'),
      removeCoverageHour: removeWindow('coverage_hour'),
      slice: database.prepare(`
        SELECT key, state, node_id, moment_ms, last_arrival_ms, last_ledger_ms, lost
        FROM connection
        WHERE state = ${ConnectionState.open} AND state <> ${ConnectionState.closed} AND key > ?
        ORDER BY key LIMIT ${CONNECTION_SLICE}`),
    }
    const { ledger_ms: ledgerMs } = this.#statements.clock.get() as { ledger_ms: number }
    this.#hoursMs = wallClock ? ledgerMs : Number.NEGATIVE_INFINITY
  }

  /** Does one slice in a transaction of its own. False when there is nothing left to do for now. */
  step(): boolean {
    const clock = this.#statements.clock.get() as {
      ledger_ms: number
      newest_ms: number
      minutes_from_ms: number
    }
    const s = this.#statements
    const hoursFrom = clock.newest_ms - this.#config.hoursMs
    return (
      this.#move(
        s.oldestMinute,
        clock.minutes_from_ms,
        s.usageToHour,
        s.removeMinute,
        s.removePublications,
      ) ||
      this.#moveCoverage(clock.minutes_from_ms) ||
      this.#boundCoverage(clock.newest_ms) ||
      this.#forgetHour(clock.ledger_ms, hoursFrom) ||
      this.#ended.stepToBound() ||
      this.#forgetConnections(clock.ledger_ms)
    )
  }

  #moveCoverage(beforeMs: number): boolean {
    const { oldestCoverage, coverageToHour, removeCoverage } = this.#statements
    const window = oldestCoverage.get() as number | null
    const moved = this.#move(oldestCoverage, beforeMs, coverageToHour, removeCoverage)
    if (moved && window !== null) this.#coverageMinutes.left(window)
    return moved
  }

  #forgetCoverageHour(beforeMs: number): boolean {
    const { oldestCoverageHour, removeCoverageHour } = this.#statements
    const window = oldestCoverageHour.get() as number | null
    const moved = this.#move(oldestCoverageHour, beforeMs, undefined, removeCoverageHour)
    if (moved && window !== null) this.#coverageHours.left(window)
    return moved
  }

  /**
   * Coverage has a row per node: under a flood of nodes its oldest minutes become hours before their time,
   * and its oldest hours are deleted.
   */
  #boundCoverage(newestMs: number): boolean {
    const most = this.#config.maxCoverageRows ?? COVERAGE_ROWS
    const minutes = this.#coverageMinutes
    const hours = this.#coverageHours
    const oldestMinute = (this.#statements.oldestCoverage.get() as number | null) ?? newestMs
    if (minutes.countNext(newestMs - SETTLED_MS)) return true
    if (minutes.total > most && this.#moveCoverage(newestMs - SETTLED_MS)) return true
    if (hours.countNext(Math.floor(oldestMinute / 3_600_000) * 3_600_000)) return true
    return hours.total > most && this.#forgetCoverageHour(newestMs)
  }

  /** Moves (or deletes) the oldest window if it lies before `beforeMs`. */
  #move(
    oldest: Database.Statement,
    beforeMs: number,
    copy: Database.Statement | undefined,
    ...removals: readonly Database.Statement[]
  ): boolean {
    const window = oldest.get() as number | null
    if (window === null || window >= beforeMs) return false
    this.#database
      .transaction(() => {
        copy?.run(window)
        for (const remove of removals) remove.run(window)
      })
      .immediate()
    return true
  }

  /**
   * Deletes the oldest hour, at most a day of hours per hour of ledger time: a wall clock that is a year
   * ahead at start, and mended soon after, must not take a year of usage with it.
   */
  #forgetHour(ledgerMs: number, beforeMs: number): boolean {
    const s = this.#statements
    if (ledgerMs - this.#hoursMs >= 3_600_000) {
      this.#hoursMs = ledgerMs
      this.#hoursLeft = HOURS_PER_PASS
    }
    if (this.#hoursLeft === 0) return false
    const { hoursMs, podsMs = hoursMs } = this.#config
    const podsBeforeMs = beforeMs + hoursMs - podsMs
    const moved =
      this.#move(s.oldestHour, beforeMs, undefined, s.removeHour) ||
      this.#move(s.oldestPodHour, podsBeforeMs, undefined, s.removePodHour)
    if (moved) this.#hoursLeft--
    return moved || this.#forgetCoverageHour(beforeMs)
  }

  /**
   * Ended connections in the order of their age. Open ones that are silent for so long are in no memory: a
   * pass in key order, a slice at a time and at most one pass an hour of ledger time (an index on their
   * age would have to be rewritten with every report).
   */
  #forgetConnections(ledgerMs: number): boolean {
    // Ages begin at 0: nothing is old before the clock has run for that long.
    if (ledgerMs <= this.#config.connectionsMs) return false
    if (this.#ended.stepOld(ledgerMs - this.#config.connectionsMs)) return true
    if (this.#cursor.length === 0) {
      if (ledgerMs - this.#passMs < 3_600_000) return false
      this.#passMs = ledgerMs
    }
    const rows = this.#statements.slice.all(this.#cursor) as OpenRow[]
    const old = rows.filter((row) => row.last_ledger_ms < ledgerMs - this.#config.connectionsMs)
    if (old.length > 0) this.#database.transaction(() => this.#ended.remove(old)).immediate()
    const last = rows.at(-1)
    this.#cursor =
      last === undefined || rows.length < CONNECTION_SLICE ? new Uint8Array(0) : last.key
    return this.#cursor.length > 0
  }
}

interface OpenRow extends OldRow {
  readonly last_ledger_ms: number
}
