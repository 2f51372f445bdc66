import type Database from 'better-sqlite3'
import type { OutboxConfig, OutboxState, Parked } from '../model/outbox.ts'
import type { Admission, Stamp } from '../model/stamp.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { ChangedRows } from './changed-rows.ts'
import { HourMarks } from './hour-marks.ts'
import { SinkLives } from './sink-lives.ts'
import { type SinkRow, SinkTable } from './sink-table.ts'
import { WaitingEvents } from './waiting-events.ts'

/** No sink holds anything back. */
const NOTHING_HELD = Number.MAX_SAFE_INTEGER

/**
 * Freezes usage that closed or changed into events, per sink, and settles what became of them. Every
 * method runs inside a transaction of the caller's; what is kept between them is in the file.
 *
 *   usage_minute ──window closes──▶ publication 1 ─▶ outbox ──acknowledged──▶ (gone)
 *        │                                             │  ▲
 *        └──late change──▶ changed ──due──▶ publication n │ └──again── parked ◀──refused
 *
 * A row has one event at most that is not acknowledged: what changes meanwhile waits in `changed` and
 * becomes one revision afterwards. So the revisions of a row cannot overtake each other, whatever is
 * retried, and a sink that is away costs one event a row however often the row changes.
 */
export class Outbox {
  readonly #config: OutboxConfig
  readonly #table: SinkTable
  readonly #changed: ChangedRows
  readonly #waiting: WaitingEvents
  readonly #lives: SinkLives
  readonly #hours: HourMarks
  readonly #statements
  /** The sinks as of the transaction under way: what a rollback takes back must not stay here. */
  #sinks: SinkRow[] = []
  #nowMs = 0

  constructor(database: Database.Database, config: OutboxConfig) {
    this.#config = config
    this.#table = new SinkTable(database)
    this.#changed = new ChangedRows(database, config.graceMs)
    this.#waiting = new WaitingEvents(database)
    this.#lives = new SinkLives(database)
    this.#hours = new HourMarks(database, config.hours ?? [])
    this.#statements = {
      instance: database.prepare('SELECT instance FROM ledger').pluck(),
      publishedMs: database.prepare('SELECT published_ms FROM ledger').pluck(),
      published: database.prepare('UPDATE ledger SET published_ms = max(published_ms, ?)'),
      setInstance: database.prepare('UPDATE ledger SET instance = ?'),
      lengthAt: database
        .prepare(
          'SELECT seconds FROM window_length WHERE from_ms <= ? ORDER BY from_ms DESC LIMIT 1',
        )
        .pluck(),
      // Rows of closed windows beyond the position: their windows closed since the last time.
      publishClosed: database.prepare(`
        INSERT INTO publication
        SELECT window_ms, workload_id, destination_id, :sink, 1, 'window_closed', :nowMs, window_seconds,
               upload, download, estimated, opened, closed
        FROM usage_minute
        WHERE (window_ms, workload_id, destination_id) > (:windowMs, :workloadId, :destinationId)
          AND window_ms < :closedMs
        ORDER BY window_ms, workload_id, destination_id LIMIT :room`),
      queueClosed: database.prepare(`
        INSERT INTO outbox
        SELECT :sink, :sequence + row_number() OVER (ORDER BY window_ms, workload_id, destination_id),
               window_ms, workload_id, destination_id, 1, :nowMs
        FROM (SELECT window_ms, workload_id, destination_id FROM publication
              WHERE (window_ms, workload_id, destination_id) > (:windowMs, :workloadId, :destinationId)
                AND sink_id = :sink
              ORDER BY window_ms, workload_id, destination_id LIMIT :changes)`),
      lastQueued: database.prepare(`
        SELECT window_ms AS windowMs, workload_id AS workloadId, destination_id AS destinationId
        FROM outbox WHERE sink_id = ? AND sequence = ?`),
    }
  }

  /**
   * In a transaction of its own: adds configured sinks that the file does not know; they begin with the windows that are open now.
   * What was parked goes back into the outbox. Throws `instance_changed` if the file's events carry
   * another instance's name.
   */
  open(newestMs: number): OutboxState {
    if (this.#config.sinks.length > 0) this.#addSinks(newestMs)
    this.begin(newestMs)
    return this.#state(newestMs, this.#closedMs(newestMs))
  }

  #addSinks(newestMs: number): void {
    const { sinks, instance } = this.#config
    const stored = this.#statements.instance.get() as string
    if (stored !== '' && stored !== instance) {
      throw new ServiceError(
        'instance_changed',
        `instance is '${instance}', but events of this file were published as '${stored}': set instance to '${stored}', or begin a new file`,
      )
    }
    this.#statements.setInstance.run(instance)
    this.#lives.end()
    // A name that takes over from one that may not send any more begins where that one ended.
    const endedMs = this.#table.all().map(({ restoredMs }) => restoredMs ?? NOTHING_HELD)
    const beginMs = Math.min(this.#closedMs(newestMs), ...endedMs)
    // What a forgotten sink has got was published under ids that must not come again.
    const fromMs = Math.max(beginMs, this.#statements.publishedMs.get() as number)
    for (const name of sinks) this.#table.add(name, fromMs)
    this.#waiting.retryParked()
  }

  /** Begins a transaction; `nowMs` is the newest moment that it will write. */
  begin(nowMs: number): void {
    this.#sinks = this.#table.all()
    this.#nowMs = nowMs
  }

  /** The wall clock was set: what waits for a time waits by the new one. */
  stepped(nowMs: number): void {
    this.#changed.stepped(nowMs)
  }

  /** A row has got an increment (it is in `usage_minute`). Rows beyond a position wait for their window. */
  rowChanged(
    windowMs: number,
    workloadId: number,
    destinationId: number,
    windowSeconds: number,
  ): void {
    for (const sink of this.#sinks) {
      if (windowMs > sink.windowMs || windowMs < sink.fromMs) continue
      if (windowMs === sink.windowMs && !isBehind(sink, workloadId, destinationId)) continue
      this.#changed.note(sink.id, this.#nowMs, windowSeconds, windowMs, workloadId, destinationId)
    }
  }

  /**
   * Whether a sink may send, by the newest stamps that its destination has. If the file has not made one of them it
   * is an older copy, and stays that: nothing is frozen for the sink any more.
   */
  admit(sinkName: string, found: readonly Stamp[]): Admission {
    const sink = this.#sinkOf(sinkName)
    const unknown = this.#lives.unknown(sinkName, found)
    if (sink.restoredMs === null && unknown === undefined) {
      const { number, token } = this.#lives.begin(sinkName)
      return { kind: 'admitted', life: number, token }
    }
    if (sink.restoredMs === null) {
      const endMs = this.#lives.newest(sinkName)?.lastWindowMs ?? sink.fromMs
      this.#table.restored(sink.id, endMs)
      this.#sinks = this.#table.all()
    }
    return { kind: 'restored', unknown }
  }

  /** Takes events out that are where they should be. Unknown ones were acknowledged before. */
  acknowledge(sinkName: string, sequences: readonly number[]): void {
    const sink = this.#sinkOf(sinkName)
    for (const sequence of sequences) {
      const event = this.#waiting.take(sink, sequence)
      if (event === undefined) continue
      this.#hours.add(sink, event)
      this.#changed.release(sink.id, this.#nowMs, event)
    }
  }

  /** Marks of hours are where they should be. */
  acknowledgeHours(sinkName: string, sequences: readonly number[]): void {
    this.#hours.acknowledge(this.#sinkOf(sinkName), sequences)
  }

  /** Sets events aside; later changes of their rows wait until they are acknowledged after all. */
  park(sinkName: string, events: readonly Parked[]): void {
    const sink = this.#sinkOf(sinkName)
    for (const event of events) this.#waiting.park(sink, event)
  }

  /** Parked events go back into the outbox, as soon as there is room. */
  retryParked(): void {
    this.#waiting.retryParked()
  }

  /** Forgets a sink. Throws `sink_unknown`, and `sink_configured` for one of `configured`. */
  forget(sinkName: string, configured: readonly string[]): void {
    const sink = this.#sinkOf(sinkName)
    if (configured.includes(sinkName)) {
      throw new ServiceError(
        'sink_configured',
        `sink '${sinkName}' is configured; remove it there first`,
      )
    }
    // A window that it has got a part of counts as published.
    this.#statements.published.run(sink.windowMs + (sink.workloadId < 0 ? 0 : 1))
    this.#lives.end()
    this.#hours.remove(sink.id)
    this.#table.remove(sink.id)
    this.#sinks = this.#sinks.filter(({ id }) => id !== sink.id)
  }

  /** Freezes what is due, as far as there is room; ends the transaction's part of the outbox. */
  seal(newestMs: number): OutboxState {
    const closedMs = this.#closedMs(newestMs)
    for (const sink of this.#sinks) {
      if (this.#config.sinks.includes(sink.name)) this.#sealOne(sink, newestMs, closedMs)
      this.#table.save(sink)
    }
    return this.#state(newestMs, closedMs)
  }

  #sealOne(sink: SinkRow, nowMs: number, closedMs: number): void {
    if (sink.restoredMs !== null) return
    this.#hours.begin(sink, closedMs)
    this.#freeze(sink, nowMs, closedMs)
    this.#hours.seal(sink)
  }

  #freeze(sink: SinkRow, nowMs: number, closedMs: number): void {
    if (sink.parked > 0) this.#waiting.requeue(sink, this.#room(sink))
    if (sink.parked >= this.#config.maxParked) return
    this.#changed.publishDue(sink, nowMs, this.#room(sink))
    this.#publishClosed(sink, nowMs, closedMs)
  }

  #publishClosed(sink: SinkRow, nowMs: number, closedMs: number): void {
    const room = this.#room(sink)
    if (room === 0 || closedMs <= sink.windowMs) return
    const { windowMs, workloadId, destinationId, sequence } = sink
    const position = { windowMs, workloadId, destinationId }
    const { publishClosed, queueClosed, lastQueued } = this.#statements
    const { changes } = publishClosed.run({ ...position, sink: sink.id, nowMs, closedMs, room })
    if (changes > 0) {
      // The limit ends the scan: another sink may have published far beyond this one's position.
      queueClosed.run({ ...position, sink: sink.id, nowMs, sequence, changes })
      sink.sequence += changes
      sink.events += changes
      Object.assign(sink, lastQueued.get(sink.id, sink.sequence))
    }
    // Nothing of the closed windows is left: rows that come to be there later have changed late.
    if (changes < room)
      Object.assign(sink, { windowMs: closedMs, workloadId: -1, destinationId: -1 })
  }

  #room(sink: SinkRow): number {
    return Math.max(0, this.#config.maxEvents - sink.events)
  }

  /** Windows that start before this are closed: those that ended at least `grace` ago. */
  #closedMs(newestMs: number): number {
    const moment = Math.max(0, newestMs - this.#config.graceMs)
    const lengthMs = this.#lengthMs(moment)
    return Math.floor(moment / lengthMs) * lengthMs
  }

  #lengthMs(moment: number): number {
    return ((this.#statements.lengthAt.get(moment) as number | undefined) ?? 60) * 1000
  }

  #state(newestMs: number, closedMs: number): OutboxState {
    const held = this.#sinks.map((sink) => this.#heldBy(sink))
    const sinks = this.#sinks.map((sink, i) => ({
      name: sink.name,
      configured: this.#config.sinks.includes(sink.name),
      restored: sink.restoredMs !== null,
      events: sink.events,
      hours: this.#hours.waiting(sink.id),
      parked: sink.parked,
      oldestMs: this.#waiting.oldestMs(sink.id, newestMs),
      lagMs: Math.max(0, closedMs - (held[i] as number)),
    }))
    return {
      sinks,
      minutesHoldMs: Math.min(NOTHING_HELD, ...held),
      dueMs: this.#dueMs(newestMs, closedMs),
    }
  }

  #dueMs(newestMs: number, closedMs: number): number {
    const sending = this.#sinks.filter(
      ({ name, restoredMs }) => restoredMs === null && this.#config.sinks.includes(name),
    )
    if (sending.length === 0) return Number.POSITIVE_INFINITY
    const nextMs = closedMs + this.#lengthMs(closedMs) + this.#config.graceMs
    return Math.min(nextMs, ...sending.map(({ id }) => this.#changed.nextDueMs(id, newestMs)))
  }

  /** Start of the oldest window of which something is still to be acknowledged. */
  #heldBy(sink: SinkRow): number {
    const waiting = this.#waiting.oldestWindow(sink.id)
    return Math.min(sink.windowMs, waiting, this.#changed.oldestWindow(sink.id))
  }

  #sinkOf(name: string): SinkRow {
    const sink = this.#sinks.find((one) => one.name === name)
    if (sink === undefined) {
      const known = this.#sinks.map((one) => one.name).join(', ') || 'none'
      throw new ServiceError(
        'sink_unknown',
        `the file knows no sink '${name}' (it knows: ${known})`,
      )
    }
    return sink
  }
}

function isBehind(sink: SinkRow, workloadId: number, destinationId: number): boolean {
  return (
    workloadId < sink.workloadId ||
    (workloadId === sink.workloadId && destinationId <= sink.destinationId)
  )
}
