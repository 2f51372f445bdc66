import Database from 'better-sqlite3'
import type { FileClock, StoreBatch } from '../model/batch.ts'
import type { StoredConnection } from '../model/connection.ts'
import type { StoreOpening } from '../model/opening.ts'
import type { OutboxConfig, OutboxState, Parked } from '../model/outbox.ts'
import type { ReceiverGap } from '../model/receiver-gap.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { PairPage } from '../model/used-pairs.ts'
import { FileLock } from '../runtime/file-lock.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { type Boot, ClockRow } from './clock-row.ts'
import { ConnectionTable } from './connection-table.ts'
import { CoverageTable } from './coverage-table.ts'
import { openDatabase, refuseOther } from './database.ts'
import { EndedConnections, type EndedState } from './ended-connections.ts'
import { overwrittenError } from './error-code.ts'
import { FileGuard } from './file-guard.ts'
import { Names } from './names.ts'
import { Outbox } from './outbox.ts'
import { ReceiverGaps } from './receiver-gaps.ts'
import { RefusedRows } from './refused-rows.ts'
import { Retention, type RetentionConfig } from './retention.ts'
import { SessionIds } from './session-ids.ts'
import { SinkTopics } from './sink-topics.ts'
import { UsageTable } from './usage-table.ts'
import { NO_PAIR, UsedPairs } from './used-pairs.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const NO_SINKS: OutboxConfig = {
  instance: '',
  graceMs: 120_000,
  sinks: [],
  maxEvents: 0,
  maxParked: 0,
}

export interface WriterConfig {
  readonly path: string
  /** Length of windows, s; a change of an existing file takes effect at the next UTC midnight. */
  readonly windowSeconds: number
  /** False: the file's own window lengths stay (replay). */
  readonly changeWindows: boolean
  readonly retention: RetentionConfig
  /** Undefined: nothing is published; sinks that the file knows keep their place. */
  readonly outbox?: OutboxConfig | undefined
  /** The machine whose wall clock arrivals are timed by; undefined with recorded arrivals (replay). */
  readonly boot?: Boot | undefined
}

/** What applying a batch came to. */
export interface Applied {
  /** Rows refused for their content and set aside. */
  readonly rowsRefused: number
  /** Totals that have reached 2^63-1 by this batch. */
  readonly saturated: number
  readonly outbox: OutboxState
  /** Where the mark of the minutes is, if the batch says that the wall clock was set. */
  readonly minutesFromMs?: number | undefined
  readonly ended: EndedState
}

/** What judging a destination came to. */
export interface Admitted {
  readonly outbox: OutboxState
  readonly admission: Admission
}

/** Everything that writes one file: synchronous, for a thread of its own. */
export class Writer {
  readonly #config: WriterConfig
  readonly #lock: FileLock
  readonly #guard: FileGuard
  readonly #database: Database.Database
  /** Only reads, and outlives `#database` where its end would harm another file (see `close`). */
  readonly #anchor: Database.Database
  readonly #ids: SessionIds
  readonly #names: Names
  readonly #usedPairs: UsedPairs
  readonly #refused: RefusedRows
  readonly #usage: UsageTable
  readonly #connections: ConnectionTable
  readonly #coverage: CoverageTable
  readonly #ended: EndedConnections
  readonly #retention: Retention
  readonly #outbox: Outbox
  readonly #gaps: ReceiverGaps
  readonly #topics: SinkTopics
  readonly #sequence
  /** By how much the wall clock was set between the file's last commit and its opening, ms. */
  #setByMs = 0
  #sameClock = false
  /** The highest sequence number that was seen in the file. */
  #committed = 0
  readonly #newest
  readonly #saturated
  readonly #clock: ClockRow

  /** Locks and opens the file. Throws ServiceErrors and SQLite's errors (see `openingError`). */
  constructor(config: WriterConfig) {
    this.#config = config
    refuseOther(config.path)
    this.#lock = new FileLock(config.path, (cause) => inUse(config.path, cause))
    try {
      this.#database = openDatabase(config.path)
      this.#anchor = new Database(config.path, { readonly: true })
      // It takes its part of the file's locks with its first read.
      this.#anchor.prepare('SELECT count(*) FROM ledger').get()
    } catch (error) {
      this.#lock.release()
      throw error
    }
    const database = this.#database
    this.#guard = new FileGuard(config.path)
    this.#names = new Names(database)
    this.#usedPairs = new UsedPairs(database, this.#names)
    this.#refused = new RefusedRows(database)
    this.#ids = new SessionIds(database, this.#refused)
    this.#usage = new UsageTable(database, this.#refused)
    this.#connections = new ConnectionTable(database, this.#refused, this.#names)
    this.#coverage = new CoverageTable(database)
    this.#ended = new EndedConnections(database, config.retention)
    this.#retention = new Retention(
      database,
      config.retention,
      config.boot !== undefined,
      this.#ended,
    )
    this.#outbox = new Outbox(database, config.outbox ?? NO_SINKS)
    this.#gaps = new ReceiverGaps(database)
    this.#topics = new SinkTopics(database)
    this.#sequence = database.prepare('SELECT sequence FROM ledger').pluck()
    this.#newest = database.prepare('SELECT newest_ms FROM ledger').pluck()
    this.#saturated = database.prepare('SELECT saturated FROM ledger').pluck()
    this.#clock = new ClockRow(database, config.boot?.id ?? '')
  }

  /** What the file says; also settles the window lengths. */
  open(nowMs: number): StoreOpening {
    const { boot } = this.#config
    const row = this.#database.prepare('SELECT * FROM ledger').get() as Record<string, unknown>
    const number = (column: string) => row[column] as number
    const opened =
      boot === undefined ? this.#clock.recorded() : this.#clock.onWallClock(nowMs, boot)
    const { newestMs } = opened.clock
    this.#sameClock = opened.sameClock === true
    if (opened.step !== undefined) this.#setByMs = opened.step.toMs - opened.step.fromMs
    this.#settleWindows(Math.max(nowMs, newestMs), newestMs === 0)
    const openOutbox = this.#database.transaction(() => this.#outbox.open(newestMs))
    const { minutesHoldMs, dueMs } = openOutbox.immediate()
    this.#ended.count()
    return {
      ledgerId: row['ledger_id'] as string,
      lastSequence: number('sequence'),
      ...opened,
      forgottenBeforeMs: number('forgotten_before_ms'),
      namedSinceMs: number('named_since_ms'),
      podsOfHour: this.#database
        .prepare('SELECT count(*) FROM usage_pod WHERE window_ms = ?')
        .pluck()
        .get(Math.floor(newestMs / HOUR_MS) * HOUR_MS) as number,
      minutesHoldMs,
      dueMs,
      windowLengths: this.#database
        .prepare('SELECT from_ms AS fromMs, seconds FROM window_length ORDER BY from_ms')
        .all() as { fromMs: number; seconds: number }[],
    }
  }

  /** Throws `FileAway` unless the file is where it was opened. */
  check(): void {
    this.#guard.check()
  }

  /** Applies a batch in one transaction; one that the file already has is skipped. */
  apply(batch: StoreBatch): Applied {
    const before = this.#saturated.get() as number
    const stepped = batch.clock.stepped === true
    this.#refused.begin(batch.sequence)
    const outbox = this.#withOutbox(() => {
      // A mark that was ahead of a clock that was set has come back: the batch's own is of before.
      const minutesFromMs = stepped ? 0 : batch.clock.minutesFromMs
      const sequence = this.#sequence.get() as number
      if (sequence < this.#committed) throw overwrittenError(this.#config.path)
      if (batch.sequence <= sequence) return minutesFromMs
      this.#ids.define(batch.definitions)
      this.#usage.add(batch.usage, this.#ids, (...row) => this.#outbox.rowChanged(...row))
      this.#ended.makeRoom(batch.connections, batch.clock.ledgerMs)
      this.#connections.rename(batch.renamed ?? [])
      this.#connections.replace(batch.connections, this.#ids)
      this.#connections.noteInvalidSnis(batch.invalidSnis ?? [], batch.connections, this.#ids)
      this.#coverage.add(batch.coverage, this.#ids, this.#refused)
      this.#clock.write(batch.sequence, batch.clock)
      if (stepped) {
        this.#outbox.stepped(batch.clock.newestMs)
        this.#gaps.stepped(batch.clock.steppedByMs ?? 0)
      }
      // By the clock that was set: with the one of before a gap could be long over.
      this.#gaps.committed(batch.clock.newestMs)
      return minutesFromMs
    }, batch.clock)
    this.#committed = this.#sequence.get() as number
    this.#ids.release(batch.definitions.released)
    this.#ended.committed()
    return {
      outbox,
      ended: this.#ended.state,
      rowsRefused: this.#refused.count,
      saturated: (this.#saturated.get() as number) - before,
      minutesFromMs: stepped ? this.#clock.minutesFromMs : undefined,
    }
  }

  /** Whether a sink may send, by the newest stamps that its destination has. */
  admit(sink: string, found: readonly Stamp[]): Admitted {
    let admission: Admission = { kind: 'restored', unknown: undefined }
    const outbox = this.#withOutbox(() => {
      admission = this.#outbox.admit(sink, found)
    })
    return { outbox, admission }
  }

  /** Takes acknowledged events out of the outbox; what waited for the room follows at once. */
  acknowledge(sink: string, sequences: readonly number[]): OutboxState {
    return this.#withOutbox(() => this.#outbox.acknowledge(sink, sequences))
  }

  /** Marks of hours are where they should be. */
  acknowledgeHours(sink: string, sequences: readonly number[]): OutboxState {
    return this.#withOutbox(() => this.#outbox.acknowledgeHours(sink, sequences))
  }

  /** Sets refused events aside. */
  park(sink: string, events: readonly Parked[]): OutboxState {
    return this.#withOutbox(() => this.#outbox.park(sink, events))
  }

  /** Parked events of all sinks go back into their outbox, as room allows. */
  retryParked(): OutboxState {
    return this.#withOutbox(() => this.#outbox.retryParked())
  }

  /** Keeps what the topic of a sink is like. */
  rememberTopic(sink: string, memory: TopicMemory): void {
    this.#where(() => this.#topics.write(sink, memory))
  }

  /** Forgets a sink. Throws `sink_unknown`, and `sink_configured` for one of `configured`. */
  forgetSink(sink: string, configured: readonly string[]): OutboxState {
    return this.#withOutbox(() => this.#outbox.forget(sink, configured))
  }

  /**
   * A transaction that may change what sinks are to get, and freezes what is due at its end. `change`
   * may say how far minutes are old.
   */
  #withOutbox(change: () => number | void, clock?: FileClock): OutboxState {
    const run = this.#database.transaction(() => {
      const newestMs = this.#newest.get() as number
      const isLater = clock !== undefined && (clock.newestMs > newestMs || clock.stepped === true)
      this.#outbox.begin(isLater ? clock.newestMs : newestMs)
      const minutesFromMs = change() ?? 0
      const state = this.#outbox.seal(this.#newest.get() as number)
      // Minutes that a sink still needs stay minutes.
      this.#clock.raiseMinutesFrom(Math.min(minutesFromMs, state.minutesHoldMs))
      return state
    })
    return this.#where(() => run.immediate())
  }

  /**
   * Changes the file where it is. Looked at before, and after: what went into a file that was removed
   * meanwhile must not count as committed.
   */
  #where<T>(change: () => T): T {
    this.#guard.check()
    this.#lock.renew()
    const value = change()
    this.#guard.check()
    return value
  }

  find(keys: Uint8Array): (StoredConnection | undefined)[] {
    return this.#connections.find(keys)
  }

  /** Open rows in the order of their keys, those after `afterKey`, at most `limit`. */
  loadOpen(limit: number, afterKey: Uint8Array = new Uint8Array(0)): StoredConnection[] {
    return this.#connections.open(afterKey, limit)
  }

  /** Pairs that may have been used in `[fromMs, toMs)`, those after `after`, at most `most`: see `UsedPairs`. */
  pairsBetween(fromMs: number, toMs: number, after = NO_PAIR, most = -1): PairPage {
    return this.#usedPairs.page(fromMs, toMs, after, most)
  }

  /** One slice of compaction and retention; false when there is nothing left to do for now. */
  tidy(): boolean {
    return this.#where(() => this.#retention.step())
  }

  /** A receiver takes entries from `nowMs` on; the time without one before it, undefined for a new file. */
  receiving(nowMs: number): ReceiverGap | undefined {
    return this.#where(() => this.#gaps.begin(nowMs, this.#setByMs, this.#sameClock))
  }

  /**
   * Copies the WAL back into the file and lets go of it. `stoppedMs`: when a receiver took its last
   * entry; without it the file says that it crashed.
   */
  close(stoppedMs?: number): void {
    if (this.#guard.isLogForeign) {
      this.#closeBeside()
      return
    }
    this.#anchor.close()
    try {
      if (stoppedMs !== undefined) this.#gaps.end(stoppedMs)
    } catch {
      // The file does not take it: then the next start says "crashed", since its last commit.
    }
    try {
      this.#database.pragma('wal_checkpoint(TRUNCATE)')
    } catch {
      // The next opening does it; everything that was committed is in the WAL.
    }
    this.#database.close()
    this.#lock.release()
  }

  /**
   * Closes a file whose log's path belongs to another file by now. The last connection deletes the log by
   * its path: so the last one is one that cannot.
   */
  #closeBeside(): void {
    this.#database.close()
    this.#anchor.close()
    this.#lock.release()
  }

  #settleWindows(nowMs: number, isNew: boolean): void {
    const { windowSeconds, changeWindows } = this.#config
    const insert = this.#database.prepare('INSERT OR REPLACE INTO window_length VALUES (?, ?)')
    const current = this.#database
      .prepare('SELECT seconds FROM window_length WHERE from_ms <= ? ORDER BY from_ms DESC LIMIT 1')
      .pluck()
    this.#database
      .transaction(() => {
        const seconds = current.get(nowMs)
        if (seconds === undefined || (isNew && changeWindows)) {
          this.#database.exec('DELETE FROM window_length')
          insert.run(0, windowSeconds)
          return
        }
        if (!changeWindows) return
        this.#database.prepare('DELETE FROM window_length WHERE from_ms > ?').run(nowMs)
        const midnight = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
        if (seconds !== windowSeconds) insert.run(midnight, windowSeconds)
      })
      .immediate()
  }
}

function inUse(path: string, cause: unknown): ServiceError {
  return new ServiceError(
    'store_locked',
    `${path} is in use by another snimeter (serve or replay); stop it, or use another file`,
    { cause },
  )
}
