import type Database from 'better-sqlite3'
import type { Parked } from '../model/outbox.ts'
import type { FrozenRow } from './changed-rows.ts'
import type { SinkRow } from './sink-table.ts'

/** Longest message of a refusal that is kept. */
const MESSAGE_LENGTH = 300

interface WaitingRow extends FrozenRow {
  readonly revision: number
}

const COLUMNS = `window_ms AS windowMs, workload_id AS workloadId, destination_id AS destinationId,
       revision, frozen_ms AS frozenMs`

/** Frozen events that are not acknowledged: in the outbox, or parked. */
export class WaitingEvents {
  readonly #statements

  constructor(database: Database.Database) {
    this.#statements = {
      take: database.prepare(
        `DELETE FROM outbox WHERE sink_id = ? AND sequence = ? RETURNING ${COLUMNS}`,
      ),
      park: database.prepare('INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)'),
      again: database.prepare('UPDATE parked SET again = 1 WHERE again = 0'),
      toRequeue: database.prepare(`
        SELECT ${COLUMNS} FROM parked WHERE sink_id = ? AND again = 1
        ORDER BY window_ms, workload_id, destination_id LIMIT ?`),
      unpark: database.prepare(`
        DELETE FROM parked
        WHERE sink_id = ? AND window_ms = ? AND workload_id = ? AND destination_id = ?`),
      queue: database.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)'),
      oldest: database
        .prepare('SELECT frozen_ms FROM outbox WHERE sink_id = ? ORDER BY sequence LIMIT 1')
        .pluck(),
      oldestWindow: database
        .prepare(`
          SELECT min(window_ms) FROM (
            SELECT min(window_ms) AS window_ms FROM outbox WHERE sink_id = :sink
            UNION ALL
            SELECT min(window_ms) FROM parked WHERE sink_id = :sink)`)
        .pluck(),
    }
  }

  /** Takes an event out of the outbox; undefined if it is not there. */
  take(sink: SinkRow, sequence: number): WaitingRow | undefined {
    const row = this.#statements.take.get(sink.id, sequence) as WaitingRow | undefined
    if (row !== undefined) sink.events--
    return row
  }

  park(sink: SinkRow, { sequence, reason, message }: Parked): void {
    const row = this.take(sink, sequence)
    if (row === undefined) return
    const { windowMs, workloadId, destinationId, revision, frozenMs } = row
    const text = message.slice(0, MESSAGE_LENGTH)
    this.#statements.park.run(
      sink.id,
      windowMs,
      workloadId,
      destinationId,
      revision,
      frozenMs,
      reason,
      text,
    )
    sink.parked++
  }

  retryParked(): void {
    this.#statements.again.run()
  }

  /** Puts parked events that are to be tried again back: at most `room`, behind what waits. */
  requeue(sink: SinkRow, room: number): void {
    const s = this.#statements
    for (const row of s.toRequeue.all(sink.id, room) as WaitingRow[]) {
      const key = [row.windowMs, row.workloadId, row.destinationId] as const
      s.unpark.run(sink.id, ...key)
      s.queue.run(sink.id, ++sink.sequence, ...key, row.revision, row.frozenMs)
      sink.parked--
      sink.events++
    }
  }

  /** Age of the oldest event in the outbox, ms; 0 if there is none. */
  oldestMs(sinkId: number, nowMs: number): number {
    const frozenMs = this.#statements.oldest.get(sinkId) as number | undefined
    return frozenMs === undefined ? 0 : Math.max(0, nowMs - frozenMs)
  }

  /** Window of the oldest waiting event; infinite if there is none. */
  oldestWindow(sinkId: number): number {
    const row = this.#statements.oldestWindow.get({ sink: sinkId }) as number | null
    return row ?? Number.POSITIVE_INFINITY
  }
}
