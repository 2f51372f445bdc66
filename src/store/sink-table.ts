import type Database from 'better-sqlite3'

/** One sink as the file knows it: what it has been given, and what waits for it. */
export interface SinkRow {
  readonly id: number
  readonly name: string
  readonly fromMs: number
  /** Set: the file is an older copy, and windows from here on may have been sent by another. */
  readonly restoredMs: number | null
  /** Start of the first hour that is summed up, and of the first one without a mark; null without marks. */
  hoursBeginMs: number | null
  hoursFromMs: number | null
  windowMs: number
  workloadId: number
  destinationId: number
  sequence: number
  events: number
  parked: number
}

/** Reads and writes the rows of `sink`, inside the transactions of others. */
export class SinkTable {
  readonly #statements

  constructor(database: Database.Database) {
    this.#statements = {
      all: database.prepare(`
        SELECT id, name, from_ms AS fromMs, window_ms AS windowMs, workload_id AS workloadId,
               destination_id AS destinationId, sequence, events, parked,
               restored_ms AS restoredMs,
               hours_begin_ms AS hoursBeginMs, hours_from_ms AS hoursFromMs
        FROM sink ORDER BY id`),
      save: database.prepare(`
        UPDATE sink SET window_ms = :windowMs, workload_id = :workloadId,
          destination_id = :destinationId, sequence = :sequence, events = :events, parked = :parked
        WHERE id = :id`),
      add: database.prepare(`
        INSERT INTO sink (name, from_ms, window_ms, workload_id, destination_id, sequence, events, parked)
        VALUES (:name, :fromMs, :fromMs, -1, -1, 0, 0, 0) ON CONFLICT DO NOTHING`),
      restored: database.prepare('UPDATE sink SET restored_ms = ? WHERE id = ?'),
      remove: [
        'sink WHERE id',
        'outbox WHERE sink_id',
        'parked WHERE sink_id',
        'changed WHERE sink_id',
        'publication WHERE sink_id',
        'sink_topic WHERE sink_id',
      ].map((rows) => database.prepare(`DELETE FROM ${rows} = ?`)),
    }
  }

  all(): SinkRow[] {
    return this.#statements.all.all() as SinkRow[]
  }

  save(sink: SinkRow): void {
    this.#statements.save.run(sink)
  }

  /** A sink begins with the windows from `fromMs` on; one that is known keeps its place. */
  add(name: string, fromMs: number): void {
    this.#statements.add.run({ name, fromMs })
  }

  /** The file is an older copy: windows from `fromMs` on may have been sent by another. */
  restored(id: number, fromMs: number): void {
    this.#statements.restored.run(fromMs, id)
  }

  /** Forgets a sink and everything that it was to get. */
  remove(id: number): void {
    for (const statement of this.#statements.remove) statement.run(id)
  }
}
