import Database from 'better-sqlite3'
import type { HourMark } from '../model/hour-mark.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { FrozenUsage, Reason, UsageCounts } from '../model/usage-event.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { Names } from './names.ts'
import { SinkLives } from './sink-lives.ts'
import { readSinkTopic } from './sink-topics.ts'

/** An event of the outbox. */
export interface OutboxEvent {
  readonly sequence: number
  readonly usage: FrozenUsage
}

/** Where a page of publications ended: the next one begins after it. */
export type PublicationKey = readonly [
  windowMs: number,
  workloadId: number,
  destinationId: number,
  revision: number,
]

/** Before every publication of windows that start at `sinceMs` or later. */
export const beforeWindow = (sinceMs: number): PublicationKey => [sinceMs, -1, -1, -1]

interface Row {
  readonly sequence: bigint
  readonly window_ms: bigint
  readonly workload_id: bigint
  readonly destination_id: bigint
  readonly revision: bigint
  readonly reason: Reason
  readonly window_seconds: bigint
  readonly upload: bigint
  readonly download: bigint
  readonly estimated: bigint
  readonly opened: bigint
  readonly closed: bigint
  readonly had_before: bigint
  readonly upload_before: bigint
  readonly download_before: bigint
  readonly estimated_before: bigint
  readonly opened_before: bigint
  readonly closed_before: bigint
}

interface WaitingMark {
  readonly sequence: number
  readonly mark: HourMark
}

interface MarkRow {
  readonly sequence: bigint
  readonly hour_ms: bigint
  readonly revision: bigint
  readonly rows: bigint
  readonly upload: bigint
  readonly download: bigint
  readonly estimated: bigint
  readonly opened: bigint
  readonly closed: bigint
}

interface Standing {
  readonly sequence: bigint
  readonly restored_ms: bigint | null
}

const REVISION = `
  p.window_ms, p.workload_id, p.destination_id, p.revision, p.reason, p.window_seconds,
  p.upload, p.download, p.estimated, p.opened, p.closed,
  b.revision IS NOT NULL AS had_before, b.upload AS upload_before, b.download AS download_before,
  b.estimated AS estimated_before, b.opened AS opened_before, b.closed AS closed_before`

const BEFORE = `
  LEFT JOIN publication b ON b.window_ms = p.window_ms AND b.workload_id = p.workload_id
    AND b.destination_id = p.destination_id AND b.sink_id = p.sink_id AND b.revision = p.revision - 1`

/** Reads what was frozen, beside the writer: a connection of its own that never writes. */
export class PublicationReader {
  readonly #database: Database.Database
  readonly #names: Names
  readonly #lives: SinkLives
  readonly #statements

  /** Throws SQLite's errors if the file is not there, `store_older` if it has no outbox yet. */
  constructor(path: string) {
    this.#database = new Database(path, { readonly: true, fileMustExist: true, timeout: 2000 })
    const known = this.#database
      .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'hour_mark'")
      .get()
    if (known === undefined) {
      this.#database.close()
      throw new ServiceError(
        'store_older',
        `${path} was never published from, or by an older snimeter: run serve first`,
      )
    }
    this.#names = new Names(this.#database)
    this.#lives = new SinkLives(this.#database)
    this.#database.defaultSafeIntegers()
    const prepare = (sql: string) => this.#database.prepare(sql)
    this.#statements = {
      ledger: prepare('SELECT ledger_id, instance, minutes_from_ms FROM ledger'),
      sinks: prepare('SELECT name FROM sink ORDER BY id').pluck(),
      standing: prepare('SELECT sequence, restored_ms FROM sink WHERE name = ?'),
      hours: prepare(`
        SELECT * FROM hour_mark
        WHERE sink_id = (SELECT id FROM sink WHERE name = ?) AND waiting = 1 AND sequence > ?
        ORDER BY sequence LIMIT ?`),
      from: prepare('SELECT from_ms FROM sink WHERE name = ?').pluck(),
      page: prepare(`
        SELECT o.sequence, ${REVISION}
        FROM outbox o
        JOIN publication p ON p.window_ms = o.window_ms AND p.workload_id = o.workload_id
          AND p.destination_id = o.destination_id AND p.sink_id = o.sink_id AND p.revision = o.revision
        ${BEFORE}
        WHERE o.sink_id = (SELECT id FROM sink WHERE name = ?) AND o.sequence > ?
        ORDER BY o.sequence LIMIT ?`),
      revisions: prepare(`
        SELECT 0 AS sequence, ${REVISION}
        FROM publication p ${BEFORE}
        WHERE (p.window_ms, p.workload_id, p.destination_id, p.sink_id, p.revision)
                > (:windowMs, :workloadId, :destinationId, p.sink_id, :revision)
          AND p.window_ms >= :windowMs AND p.window_ms < :untilMs
          AND p.sink_id = (SELECT id FROM sink WHERE name = :sink)
        ORDER BY p.window_ms, p.workload_id, p.destination_id, p.revision LIMIT :limit`),
    }
  }

  /** Events of a sink's outbox after a sequence number, in their order. Sequences begin at 1. */
  page(sink: string, afterSequence: number, limit: number): OutboxEvent[] {
    const rows = this.#statements.page.all(sink, afterSequence, limit) as Row[]
    return this.#frozen(sink, rows).map((usage, i) => ({
      sequence: Number((rows[i] as Row).sequence),
      usage,
    }))
  }

  /** Marks of hours that wait for a sink, after a sequence number, in their order. Sequences begin at 1. */
  hours(sink: string, afterSequence: number, limit: number): WaitingMark[] {
    const { ledger_id: ledgerId, instance } = this.#ledger()
    const rows = this.#statements.hours.all(sink, afterSequence, limit) as MarkRow[]
    return rows.map((row) => ({
      sequence: Number(row.sequence),
      mark: {
        ledgerId,
        instance,
        sink,
        hourStartMs: Number(row.hour_ms),
        revision: Number(row.revision),
        rows: row.rows,
        total: {
          uploadBytes: row.upload,
          downloadBytes: row.download,
          estimatedBytes: row.estimated,
          connectionsOpened: row.opened,
          connectionsClosed: row.closed,
        },
      },
    }))
  }

  /** Names of the sinks that the file knows. */
  sinks(): string[] {
    return this.#statements.sinks.all() as string[]
  }

  /** Random, made with the file. */
  ledgerId(): string {
    return this.#ledger().ledger_id
  }

  /** A sink's newest event; 0 for a sink that the file does not know. */
  sequence(sink: string): number {
    return Number((this.#statements.standing.get(sink) as Standing | undefined)?.sequence ?? 0)
  }

  /** Whether events of a sink may be sent again, by the newest stamps that its destination has. */
  admit(sink: string, found: readonly Stamp[]): Admission {
    const standing = this.#statements.standing.get(sink) as Standing | undefined
    const unknown = this.#lives.unknown(sink, found)
    if (unknown !== undefined || (standing?.restored_ms ?? null) !== null) {
      return { kind: 'restored', unknown }
    }
    const { number = 0, token = '' } = this.#lives.newest(sink) ?? {}
    return { kind: 'admitted', life: number, token }
  }

  /** Revisions of a sink are kept of windows that start here or later, unix ms. */
  revisionsFromMs(sink: string): number {
    return Math.max(this.minutesFromMs(), Number(this.#statements.from.get(sink) ?? 0))
  }

  /** What the file remembers of a sink's topic. */
  topicMemory(sink: string): TopicMemory | undefined {
    return readSinkTopic(this.#database, sink)
  }

  /** No publication of a window before this is kept, unix ms. */
  minutesFromMs(): number {
    return Number(this.#ledger().minutes_from_ms)
  }

  /**
   * Every revision of a sink in the order of window, workload, name and revision, of windows that start
   * before `untilMs`; `next` is where the following page begins, undefined at the end.
   */
  revisions(
    sink: string,
    after: PublicationKey,
    untilMs: number,
    limit: number,
  ): { readonly usages: FrozenUsage[]; readonly next: PublicationKey | undefined } {
    const [windowMs, workloadId, destinationId, revision] = after
    const from = { windowMs, workloadId, destinationId, revision }
    const rows = this.#statements.revisions.all({ ...from, untilMs, limit, sink }) as Row[]
    const last = rows.length < limit ? undefined : rows.at(-1)
    return {
      usages: this.#frozen(sink, rows),
      next: last && [
        Number(last.window_ms),
        Number(last.workload_id),
        Number(last.destination_id),
        Number(last.revision),
      ],
    }
  }

  close(): void {
    this.#database.close()
  }

  #ledger(): { ledger_id: string; instance: string; minutes_from_ms: bigint } {
    const row = this.#statements.ledger.get()
    if (row === undefined) throw new ServiceError('not_a_snimeter_file', 'the file has no ledger')
    return row as { ledger_id: string; instance: string; minutes_from_ms: bigint }
  }

  #frozen(sink: string, rows: readonly Row[]): FrozenUsage[] {
    const { ledger_id: ledgerId, instance } = this.#ledger()
    const usages = rows.map((row) => ({
      ledgerId,
      instance,
      sink,
      windowStartMs: Number(row.window_ms),
      windowSeconds: Number(row.window_seconds),
      workload: this.#names.workload(Number(row.workload_id)),
      destination: this.#names.destination(Number(row.destination_id)),
      revision: Number(row.revision),
      reason: row.reason,
      total: countsOf(row, ''),
      previous: row.had_before === 1n ? countsOf(row, '_before') : undefined,
    }))
    this.#names.forget()
    return usages
  }
}

function countsOf(row: Row, suffix: '' | '_before'): UsageCounts {
  return {
    uploadBytes: row[`upload${suffix}`],
    downloadBytes: row[`download${suffix}`],
    estimatedBytes: row[`estimated${suffix}`],
    connectionsOpened: row[`opened${suffix}`],
    connectionsClosed: row[`closed${suffix}`],
  }
}
