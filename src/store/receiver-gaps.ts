import type Database from 'better-sqlite3'
import type { ReceiverGap } from '../model/receiver-gap.ts'

/** Nodes that reported this long before a gap were connected when it began, ms. */
const BEFORE_MS = 15 * 60_000
/** Nodes that report within this time after a gap have connected again, ms. */
const AFTER_MS = 15 * 60_000
/** Gaps that are kept; the oldest go first. */
const MAX_GAPS = 1000
/** First release that keeps entries while no receiver answers (major * 1000 + minor). */
const KEEPS_ENTRIES_SINCE = 1039

/** `1.38.3` as 1038; 0 where it is not known. */
const RELEASE = `CAST(envoy_version AS INTEGER) * 1000
  + CAST(substr(envoy_version, instr(envoy_version, '.') + 1) AS INTEGER)`

interface OpenedFile {
  readonly newestMs: number
  /** 0 = nothing says that the last receiver stopped in an orderly way. */
  readonly stoppedMs: number
}

/**
 * Knows when no receiver ran on the file. Every method runs in a transaction of its own, or in the
 * caller's.
 *
 *   … commits ─▶ end ─────────── gap ───────────▶ begin ─▶ commits ─▶ (a quarter of an hour) nodes_after
 *   … commits ─▶ crash ───────── gap ───────────▶ begin
 */
export class ReceiverGaps {
  readonly #database: Database.Database
  readonly #statements
  /** The file as it was opened: commits may come before a `begin` that has to be tried again. */
  readonly #opened: OpenedFile
  #receiving = false
  #sameClock = false
  /** A gap whose `nodes_after` is not known yet. */
  #open: { readonly id: number; readonly toMs: number } | undefined

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = {
      connections: database
        .prepare('SELECT count(*) FROM connection WHERE state = 1 AND state <> 2')
        .pluck(),
      nodes: database.prepare(`
        SELECT count(*) AS nodes,
               coalesce(sum(${RELEASE} < ${KEEPS_ENTRIES_SINCE}), 0) AS lossy
        FROM node WHERE id IN (
          SELECT node_id FROM coverage_minute
          WHERE window_ms + window_seconds * 1000 > :fromMs AND window_ms < :toMs AND entries > 0)`),
      insert: database.prepare(`
        INSERT INTO receiver_gap (from_ms, to_ms, reason, nodes_before, lossy_nodes, connections)
        VALUES (:fromMs, :toMs, :reason, :nodesBefore, :lossyNodes, :connections)`),
      trim: database.prepare(
        `DELETE FROM receiver_gap WHERE id <= (SELECT max(id) FROM receiver_gap) - ${MAX_GAPS}`,
      ),
      unfinished: database.prepare(
        'SELECT id, to_ms AS toMs FROM receiver_gap WHERE nodes_after IS NULL ORDER BY id',
      ),
      move: database.prepare(
        'UPDATE receiver_gap SET from_ms = from_ms + ?, to_ms = max(from_ms + ?, to_ms + ?) WHERE id = ?',
      ),
      finish: database.prepare('UPDATE receiver_gap SET nodes_after = ? WHERE id = ?'),
      stopped: database.prepare('UPDATE ledger SET stopped_ms = ?'),
    }
    this.#opened = database
      .prepare('SELECT newest_ms AS newestMs, stopped_ms AS stoppedMs FROM ledger')
      .get() as OpenedFile
  }

  /**
   * A receiver begins to take entries at `nowMs`; the gap before it, undefined for a new file. The wall
   * clock was set by `setByMs` meanwhile: the gap begins by the clock of now. `sameClock`: what the clock is
   * set by later is true of the gap's begin as well.
   */
  begin(nowMs: number, setByMs = 0, sameClock = false): ReceiverGap | undefined {
    this.#sameClock = sameClock
    const run = this.#database.transaction(() => {
      const { newestMs, stoppedMs } = this.#opened
      this.#finishAll(newestMs)
      this.#statements.stopped.run(0)
      this.#receiving = true
      if (newestMs === 0) return undefined
      const reason = stoppedMs > 0 ? 'stopped' : 'crashed'
      return this.#insert(stoppedMs || newestMs, setByMs, nowMs, reason)
    })
    return run.immediate()
  }

  /** Part of a commit: the wall clock was set by `byMs`, and with it the time at which this receiver began. */
  stepped(byMs: number): void {
    if (this.#open === undefined) return
    const fromByMs = this.#sameClock ? byMs : 0
    this.#statements.move.run(fromByMs, fromByMs, byMs, this.#open.id)
    this.#open = { ...this.#open, toMs: this.#open.toMs + byMs }
  }

  /** Part of a commit whose newest moment is `newestMs`. */
  committed(newestMs: number): void {
    if (this.#open === undefined || newestMs < this.#open.toMs + AFTER_MS) return
    this.#finishAll(newestMs)
    this.#open = undefined
  }

  /** The receiver has taken its last entry at `nowMs`; nothing if it has not taken any. */
  end(nowMs: number): void {
    if (this.#receiving) this.#statements.stopped.run(nowMs)
  }

  #insert(
    endedMs: number,
    setByMs: number,
    nowMs: number,
    reason: ReceiverGap['reason'],
  ): ReceiverGap {
    const { nodes, lossy } = this.#nodesBetween(endedMs - BEFORE_MS, endedMs + 1)
    const fromMs = endedMs + setByMs
    // A wall clock that was set back in between by more than is known: the gap's length is not known.
    const toMs = Math.max(fromMs, nowMs)
    const gap: ReceiverGap = {
      reason,
      fromMs,
      toMs,
      nodesBefore: nodes,
      lossyNodes: lossy,
      connections: this.#statements.connections.get() as number,
    }
    const { lastInsertRowid } = this.#statements.insert.run(gap)
    this.#statements.trim.run()
    this.#open = { id: Number(lastInsertRowid), toMs }
    return gap
  }

  /** Settles how many nodes came back; what is not known by now never will be. */
  #finishAll(newestMs: number): void {
    const unfinished = this.#statements.unfinished.all() as { id: number; toMs: number }[]
    for (const { id, toMs } of unfinished) {
      const { nodes } = this.#nodesBetween(toMs, Math.min(toMs + AFTER_MS, newestMs) + 1)
      this.#statements.finish.run(nodes, id)
    }
  }

  #nodesBetween(fromMs: number, toMs: number): { nodes: number; lossy: number } {
    return this.#statements.nodes.get({ fromMs, toMs }) as { nodes: number; lossy: number }
  }
}
