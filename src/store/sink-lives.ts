import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Stamp } from '../model/stamp.ts'

/** Lives that are kept per sink; older ones are taken for known. */
const KEPT = 1000

/** One life of a sink. */
export interface SinkLife {
  readonly number: number
  readonly token: string
  readonly lastSequence: number | null
  readonly lastWindowMs: number | null
}

/**
 * The lives of sinks. A life begins when a process may send, and ends when the file is opened again: what is
 * frozen from then on belongs to another life. So a stamp is known if its life is, and if the life got that far.
 */
export class SinkLives {
  readonly #statements

  constructor(database: Database.Database) {
    this.#statements = {
      end: database.prepare(`
        UPDATE sink_life SET last_sequence = s.sequence, last_window_ms = s.window_ms
        FROM sink s WHERE s.name = sink_life.sink AND last_sequence IS NULL`),
      one: database.prepare(`
        SELECT number, token, last_sequence AS lastSequence, last_window_ms AS lastWindowMs
        FROM sink_life WHERE sink = ? AND number = ?`),
      newest: database.prepare(`
        SELECT number, token, last_sequence AS lastSequence, last_window_ms AS lastWindowMs
        FROM sink_life WHERE sink = ? ORDER BY number DESC LIMIT 1`),
      oldest: database.prepare('SELECT min(number) FROM sink_life WHERE sink = ?').pluck(),
      sequence: database.prepare('SELECT sequence FROM sink WHERE name = ?').pluck(),
      begin: database.prepare('INSERT INTO sink_life VALUES (?, ?, ?, NULL, NULL)'),
      prune: database.prepare('DELETE FROM sink_life WHERE sink = ? AND number <= ?'),
    }
  }

  /** The file is opened, or sinks are about to be forgotten: what was sent is all that these lives have sent. */
  end(): void {
    this.#statements.end.run()
  }

  /** The newest life of a sink; undefined if it has never sent. */
  newest(sink: string): SinkLife | undefined {
    return this.#statements.newest.get(sink) as SinkLife | undefined
  }

  /** A stamp that this file has not made; undefined if all are its own. */
  unknown(sink: string, stamps: readonly Stamp[]): Stamp | undefined {
    return stamps.find((stamp) => !this.#isKnown(sink, stamp))
  }

  /** The life that goes on, or a new one. */
  begin(sink: string): SinkLife {
    const newest = this.newest(sink)
    if (newest !== undefined && newest.lastSequence === null) return newest
    const number = (newest?.number ?? 0) + 1
    const token = randomBytes(6).toString('hex')
    this.#statements.begin.run(sink, number, token)
    this.#statements.prune.run(sink, number - KEPT)
    return { number, token, lastSequence: null, lastWindowMs: null }
  }

  #isKnown(sink: string, { life, token, sequence }: Stamp): boolean {
    // Sent again, before anything had a stamp.
    if (life === 0) return true
    const oldest = this.#statements.oldest.get(sink) as number | null
    if (oldest !== null && life < oldest) return true
    const known = this.#statements.one.get(sink, life) as SinkLife | undefined
    if (known === undefined || known.token !== token) return false
    const last = known.lastSequence ?? (this.#statements.sequence.get(sink) as number | undefined)
    return sequence <= (last ?? 0)
  }
}
