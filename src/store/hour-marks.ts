import type Database from 'better-sqlite3'
import type { FrozenRow } from './changed-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SinkRow } from './sink-table.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Marks and sums are kept for so long at least. */
const KEPT_MS = 40 * DAY_MS
/** Marks of one transaction at most, per sink. */
const MARKS_AT_ONCE = 100
const COUNTERS = ['upload', 'download', 'estimated', 'opened', 'closed'] as const
const VALUES = `rows, ${COUNTERS.join(', ')}`

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS

/**
 * Says of each hour when a sink has acknowledged everything of it, and what that comes to. Sums grow with each
 * acknowledgement, so they are right also where minutes have become hours. An hour gets its first mark when its last
 * window is frozen and nothing of it waits (outbox, parked, late changes); hours get them in their order. A change
 * after that, once acknowledged, makes one more revision of the mark, when the one before it is acknowledged.
 */
export class HourMarks {
  readonly #sinks: readonly string[]
  readonly #statements

  /** @param sinks names of those that get marks */
  constructor(database: Database.Database, sinks: readonly string[]) {
    this.#sinks = sinks
    const range = 'sink_id = :sink AND window_ms >= :hourMs AND window_ms < :endMs'
    this.#statements = {
      begin: database.prepare(
        'UPDATE sink SET hours_begin_ms = :fromMs, hours_from_ms = :fromMs WHERE id = :sink',
      ),
      move: database.prepare('UPDATE sink SET hours_from_ms = ? WHERE id = ?'),
      end: [
        'UPDATE sink SET hours_begin_ms = NULL, hours_from_ms = NULL WHERE id = ?',
        'DELETE FROM hour_sum WHERE sink_id = ?',
      ].map((sql) => database.prepare(sql)),
      remove: ['hour_sum', 'hour_mark'].map((table) =>
        database.prepare(`DELETE FROM ${table} WHERE sink_id = ?`),
      ),
      first: database.prepare('SELECT min(window_ms) FROM usage_minute').pluck(),
      add: database.prepare(`
        INSERT INTO hour_sum
        SELECT p.sink_id, :hourMs, p.revision = 1,
               ${COUNTERS.map((name) => `p.${name} - coalesce(b.${name}, 0)`).join(', ')}, 1
        FROM publication p
        LEFT JOIN publication b ON b.window_ms = p.window_ms AND b.workload_id = p.workload_id
          AND b.destination_id = p.destination_id AND b.sink_id = p.sink_id
          AND b.revision = p.revision - 1
        WHERE p.window_ms = :windowMs AND p.workload_id = :workloadId
          AND p.destination_id = :destinationId AND p.sink_id = :sink AND p.revision = :revision
        ON CONFLICT (sink_id, hour_ms) DO UPDATE SET
          rows = rows + excluded.rows, dirty = 1, ${COUNTERS.map(saturatingAdd).join(', ')}`),
      isWaiting: database
        .prepare(
          `SELECT EXISTS (SELECT 1 FROM outbox WHERE ${range})
               OR EXISTS (SELECT 1 FROM parked WHERE ${range})
               OR EXISTS (SELECT 1 FROM changed WHERE ${range})`,
        )
        .pluck(),
      dirty: database
        .prepare(
          'SELECT hour_ms FROM hour_sum WHERE sink_id = ? AND dirty = 1 AND hour_ms < ? ORDER BY hour_ms LIMIT ?',
        )
        .pluck(),
      markWaits: database
        .prepare(
          'SELECT EXISTS (SELECT 1 FROM hour_mark WHERE sink_id = ? AND hour_ms = ? AND waiting = 1)',
        )
        .pluck(),
      // The hour as it is; an hour without usage has no sum. None if it is as its last mark says.
      mark: database.prepare(`
        INSERT INTO hour_mark (sink_id, hour_ms, revision, ${VALUES}, waiting)
        SELECT :sink, :hourMs, coalesce(m.revision, 0) + 1,
               ${['rows', ...COUNTERS].map((name) => `coalesce(s.${name}, 0)`).join(', ')}, 1
        FROM (SELECT 1)
        LEFT JOIN hour_sum s ON s.sink_id = :sink AND s.hour_ms = :hourMs
        LEFT JOIN (SELECT * FROM hour_mark WHERE sink_id = :sink AND hour_ms = :hourMs
                   ORDER BY revision DESC LIMIT 1) m
        WHERE (${['rows', ...COUNTERS].map((name) => `coalesce(s.${name}, 0)`).join(', ')})
              IS NOT (${['rows', ...COUNTERS].map((name) => `m.${name}`).join(', ')})`),
      clean: database.prepare(
        'UPDATE hour_sum SET dirty = 0 WHERE sink_id = ? AND hour_ms = ? AND dirty = 1',
      ),
      acknowledge: database.prepare(
        'UPDATE hour_mark SET waiting = 0 WHERE sink_id = ? AND sequence = ?',
      ),
      waiting: database
        .prepare('SELECT count(*) FROM hour_mark WHERE sink_id = ? AND waiting = 1')
        .pluck(),
      // Minutes that are hours never change again: only sums of those may go.
      prune: [
        'DELETE FROM hour_mark WHERE sink_id = :sink AND hour_ms < :beforeMs AND waiting = 0',
        'DELETE FROM hour_sum WHERE sink_id = :sink AND hour_ms < :beforeMs',
      ].map((sql) =>
        database.prepare(`${sql} AND hour_ms + ${HOUR_MS} <= (SELECT minutes_from_ms FROM ledger)`),
      ),
    }
  }

  /** An event of the sink is acknowledged. */
  add(sink: SinkRow, { windowMs, workloadId, destinationId, revision }: AcknowledgedRow): void {
    const hourMs = hourOf(windowMs)
    if (sink.hoursBeginMs === null || hourMs < sink.hoursBeginMs) return
    this.#statements.add.run({
      sink: sink.id,
      hourMs,
      windowMs,
      workloadId,
      destinationId,
      revision,
    })
  }

  /** Marks of the sink are where they should be. */
  acknowledge(sink: SinkRow, sequences: readonly number[]): void {
    for (const sequence of sequences) this.#statements.acknowledge.run(sink.id, sequence)
  }

  /** Marks that wait. */
  waiting(sinkId: number): number {
    return this.#statements.waiting.get(sinkId) as number
  }

  /** Forgets a sink's hours. */
  remove(sinkId: number): void {
    for (const statement of this.#statements.remove) statement.run(sinkId)
  }

  /**
   * Before anything is frozen: a sink that gets marks from now on begins with an hour of which nothing is frozen yet;
   * one that does not get them any more has none.
   */
  begin(sink: SinkRow, closedMs: number): void {
    const s = this.#statements
    if (!this.#sinks.includes(sink.name)) {
      if (sink.hoursBeginMs === null) return
      for (const statement of s.end) statement.run(sink.id)
      sink.hoursBeginMs = null
      sink.hoursFromMs = null
    } else if (sink.hoursBeginMs === null && closedMs > 0) {
      const fromMs = sink.sequence === 0 ? this.#firstHour(sink, closedMs) : nextHour(sink)
      s.begin.run({ sink: sink.id, fromMs })
      sink.hoursBeginMs = fromMs
      sink.hoursFromMs = fromMs
    }
  }

  /** After everything is frozen that can be: marks that are due. */
  seal(sink: SinkRow): void {
    if (sink.hoursFromMs === null) return
    const s = this.#statements
    let hourMs = sink.hoursFromMs
    for (let marks = 0; marks < MARKS_AT_ONCE; marks++) {
      if (hourMs + HOUR_MS > sink.windowMs || this.#isWaiting(sink, hourMs)) break
      this.#mark(sink, hourMs)
      hourMs += HOUR_MS
    }
    for (const late of s.dirty.all(sink.id, hourMs, MARKS_AT_ONCE) as number[]) {
      const markWaits = s.markWaits.get(sink.id, late) === 1
      if (!markWaits && !this.#isWaiting(sink, late)) this.#mark(sink, late)
    }
    if (hourMs === sink.hoursFromMs) return
    s.move.run(hourMs, sink.id)
    sink.hoursFromMs = hourMs
    for (const statement of s.prune) statement.run({ sink: sink.id, beforeMs: hourMs - KEPT_MS })
  }

  #mark(sink: SinkRow, hourMs: number): void {
    // A mark moves the sequence that stamps say: an older copy is noticed also where only marks were sent since.
    sink.sequence += this.#statements.mark.run({ sink: sink.id, hourMs }).changes
    this.#statements.clean.run(sink.id, hourMs)
  }

  #isWaiting(sink: SinkRow, hourMs: number): boolean {
    const range = { sink: sink.id, hourMs, endMs: hourMs + HOUR_MS }
    return this.#statements.isWaiting.get(range) === 1
  }

  /** Of a sink that has got nothing: the first hour of which it gets all rows, or that of now. */
  #firstHour(sink: SinkRow, closedMs: number): number {
    const firstMs = (this.#statements.first.get() as number | null) ?? closedMs
    const { fromMs } = sink
    // What the file has from before it is never published here: a mark would call a part of the hour all of it.
    if (firstMs < fromMs && fromMs > hourOf(fromMs)) return hourOf(fromMs) + HOUR_MS
    return hourOf(Math.max(fromMs, Math.min(firstMs, closedMs)))
  }
}

interface AcknowledgedRow extends FrozenRow {
  readonly revision: number
}

/** The first hour of which nothing is frozen. */
function nextHour({ windowMs, workloadId }: SinkRow): number {
  const nothingFrozen = windowMs === hourOf(windowMs) && workloadId < 0
  return nothingFrozen ? windowMs : hourOf(windowMs) + HOUR_MS
}
