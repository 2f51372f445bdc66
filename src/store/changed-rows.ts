import type Database from 'better-sqlite3'
import type { SinkRow } from './sink-table.ts'

/** A row of usage, and when it was last frozen. */
export interface FrozenRow {
  readonly windowMs: number
  readonly workloadId: number
  readonly destinationId: number
  readonly frozenMs: number
}

interface DueRow {
  readonly window_ms: number
  readonly workload_id: number
  readonly destination_id: number
}

const ROW = 'window_ms = ? AND workload_id = ? AND destination_id = ?'

/** Rows whose window was published before and that have changed since: late changes. */
export class ChangedRows {
  readonly #graceMs: number
  readonly #statements

  constructor(database: Database.Database, graceMs: number) {
    this.#graceMs = graceMs
    this.#statements = {
      isWaiting: database
        .prepare(
          `SELECT EXISTS (SELECT 1 FROM outbox WHERE sink_id = ? AND ${ROW})
               OR EXISTS (SELECT 1 FROM parked WHERE sink_id = ? AND ${ROW})`,
        )
        .pluck(),
      lastFrozen: database
        .prepare(
          `SELECT frozen_ms FROM publication WHERE ${ROW} AND sink_id = ? ORDER BY revision DESC LIMIT 1`,
        )
        .pluck(),
      note: database.prepare('INSERT INTO changed VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING'),
      hasten: database.prepare('UPDATE changed SET due_ms = :latest WHERE due_ms > :latest'),
      release: database.prepare(`UPDATE changed SET due_ms = ? WHERE sink_id = ? AND ${ROW}`),
      due: database.prepare(`
        SELECT window_ms, workload_id, destination_id FROM changed
        WHERE sink_id = ? AND due_ms <= ? ORDER BY due_ms, window_ms, workload_id, destination_id
        LIMIT ?`),
      remove: database.prepare(`DELETE FROM changed WHERE sink_id = ? AND ${ROW}`),
      // One more revision of the row as it is; none if it is as it was published.
      publish: database
        .prepare(`
        INSERT INTO publication
        SELECT u.window_ms, u.workload_id, u.destination_id, :sink, coalesce(p.revision, 0) + 1, 'late',
               :nowMs, u.window_seconds, u.upload, u.download, u.estimated, u.opened, u.closed
        FROM usage_minute u
        LEFT JOIN (SELECT * FROM publication
                   WHERE window_ms = :windowMs AND workload_id = :workloadId
                     AND destination_id = :destinationId AND sink_id = :sink
                   ORDER BY revision DESC LIMIT 1) p
        WHERE u.window_ms = :windowMs AND u.workload_id = :workloadId
          AND u.destination_id = :destinationId
          AND (u.upload, u.download, u.estimated, u.opened, u.closed)
              IS NOT (p.upload, p.download, p.estimated, p.opened, p.closed)
        RETURNING revision`)
        .pluck(),
      queue: database.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)'),
      nextDue: database
        .prepare('SELECT min(due_ms) FROM changed WHERE sink_id = ? AND due_ms > ?')
        .pluck(),
      oldest: database.prepare('SELECT min(window_ms) FROM changed WHERE sink_id = ?').pluck(),
    }
  }

  /**
   * The row is due `grace` after its last revision, once that is acknowledged; one whose window is open
   * (a clock that was ahead has closed it) when that is closed.
   */
  note(
    sinkId: number,
    nowMs: number,
    windowSeconds: number,
    ...row: readonly [windowMs: number, workloadId: number, destinationId: number]
  ): void {
    const s = this.#statements
    const waiting = s.isWaiting.get(sinkId, ...row, sinkId, ...row) === 1
    const lastMs = waiting ? undefined : (s.lastFrozen.get(...row, sinkId) as number | undefined)
    const endMs = Math.min(row[0], nowMs) + windowSeconds * 1000
    const openUntilMs = endMs > nowMs - this.#graceMs ? endMs + this.#graceMs : 0
    const dueMs = lastMs === undefined ? 0 : Math.min(lastMs, nowMs) + this.#graceMs
    s.note.run(sinkId, ...row, waiting ? null : Math.max(openUntilMs, dueMs))
  }

  /** The wall clock was set: nothing waits longer than a revision does. */
  stepped(nowMs: number): void {
    this.#statements.hasten.run({ latest: nowMs + this.#graceMs })
  }

  /** The row's last event is acknowledged: what changed since may follow. */
  release(sinkId: number, nowMs: number, row: FrozenRow): void {
    const { windowMs, workloadId, destinationId, frozenMs } = row
    const dueMs = Math.min(frozenMs, nowMs) + this.#graceMs
    this.#statements.release.run(dueMs, sinkId, windowMs, workloadId, destinationId)
  }

  /** Freezes what is due: at most `room` rows. */
  publishDue(sink: SinkRow, nowMs: number, room: number): void {
    const s = this.#statements
    for (const row of s.due.all(sink.id, nowMs, room) as DueRow[]) {
      const { window_ms: windowMs, workload_id: workloadId, destination_id: destinationId } = row
      const key = { windowMs, workloadId, destinationId }
      const revision = s.publish.get({ ...key, sink: sink.id, nowMs })
      if (revision !== undefined) {
        s.queue.run(sink.id, ++sink.sequence, windowMs, workloadId, destinationId, revision, nowMs)
        sink.events++
      }
      s.remove.run(sink.id, windowMs, workloadId, destinationId)
    }
  }

  /** When the next changed row is due after a moment; infinite if none is. (What is due already waits for room.) */
  nextDueMs(sinkId: number, nowMs: number): number {
    return (
      (this.#statements.nextDue.get(sinkId, nowMs) as number | null) ?? Number.POSITIVE_INFINITY
    )
  }

  /** Window of the oldest changed row; infinite if there is none. */
  oldestWindow(sinkId: number): number {
    return (this.#statements.oldest.get(sinkId) as number | null) ?? Number.POSITIVE_INFINITY
  }
}
