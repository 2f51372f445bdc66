import type Database from 'better-sqlite3'
import type { FarStarts, FileClock } from '../model/batch.ts'
import type { ClockStep } from '../model/clock-step.ts'
import type { StoreOpening } from '../model/opening.ts'
import { firstMoment, STEP_MS } from '../runtime/arrival-clock.ts'

/** Starts further ahead than this are kept apart (see `ledger/forgotten.ts`). */
const FAR_AHEAD_MS = 8 * 24 * 3_600_000

/** Which machine a process runs on, and since when: tells a clock that was set from time that has passed. */
export interface Boot {
  /** Names the start of the machine; empty = not known. */
  readonly id: string
  /** Time since then, ms. */
  readonly uptimeMs: number
}

interface Row {
  readonly ledger_ms: number
  readonly newest_ms: number
  readonly minutes_from_ms: number
  readonly newest_start_ms: number
  readonly era_from_ms: number
  readonly boot_id: string
  readonly uptime_ms: number
  readonly far_start_from_ms: number | null
  readonly far_start_to_ms: number | null
}

type Opened = Pick<StoreOpening, 'clock' | 'step' | 'restoring' | 'wallClock' | 'sameClock'>

/** The moments that the file remembers, and what becomes of them when the wall clock was set. */
export class ClockRow {
  readonly #bootId: string
  readonly #statements

  constructor(database: Database.Database, bootId: string) {
    this.#bootId = bootId
    this.#statements = {
      read: database.prepare('SELECT * FROM ledger'),
      write: database.prepare(`
        UPDATE ledger SET sequence = :sequence,
          ledger_ms = max(ledger_ms, :ledgerMs),
          newest_ms = CASE WHEN :stepped THEN :newestMs ELSE max(newest_ms, :newestMs) END,
          newest_start_ms = CASE WHEN :stepped THEN :newestStartMs
                                 ELSE max(newest_start_ms, :newestStartMs) END,
          era_from_ms = :eraFromMs, boot_id = :bootId, uptime_ms = :uptimeMs,
          far_start_from_ms = :farFromMs, far_start_to_ms = :farToMs`),
      minutesFrom: database.prepare('UPDATE ledger SET minutes_from_ms = max(minutes_from_ms, ?)'),
      minutesBack: database.prepare('UPDATE ledger SET minutes_from_ms = ?'),
      hoursEnd: database
        .prepare(
          'SELECT window_ms + window_seconds * 1000 FROM usage_hour ORDER BY window_ms DESC LIMIT 1',
        )
        .pluck(),
      starts: database.prepare(`
        SELECT max(CASE WHEN start_ms <= :limit THEN start_ms END) AS newest,
               min(CASE WHEN start_ms > :limit THEN start_ms END) AS farFrom,
               max(CASE WHEN start_ms > :limit THEN start_ms END) AS farTo
        FROM connection`),
    }
  }

  /** What the file says, for recorded arrivals. */
  recorded(): Opened {
    const row = this.#read()
    return { clock: clockOf(row, row.newest_ms, startsOf(row)) }
  }

  /**
   * What the file says, for a wall clock that says `nowMs`. The file may be ahead of it: then it was
   * written by a clock that was wrong, or this one is; either way arrivals begin now.
   */
  onWallClock(nowMs: number, { id, uptimeMs }: Boot): Opened {
    const row = this.#read()
    const newestMs = row.newest_ms
    const firstMs = firstMoment(nowMs, newestMs)
    // On the machine that wrote the file its own clock says how much time has passed.
    const isSameBoot = id !== '' && id === row.boot_id && row.uptime_ms > 0
    const passedMs = isSameBoot ? Math.max(0, uptimeMs - row.uptime_ms) : 0
    const expectedMs = isSameBoot ? newestMs + passedMs : Math.max(newestMs, firstMs)
    const byMs = newestMs === 0 || isWithin(firstMs - expectedMs) ? 0 : firstMs - expectedMs
    const isKnown = isSameBoot && newestMs > 0
    const clock = clockOf(row, Math.min(newestMs, firstMs), this.#startsAt(row, firstMs))
    return {
      clock: {
        ...clock,
        minutesFromMs: this.#minutesFromAt(row.minutes_from_ms, firstMs),
        eraFromMs: isKnown ? row.era_from_ms + byMs : firstMs,
      },
      wallClock: true,
      sameClock: isKnown,
      restoring: { fromMs: isKnown ? row.era_from_ms : Number.POSITIVE_INFINITY, byMs },
      step: byMs === 0 ? undefined : ({ fromMs: expectedMs, toMs: firstMs } satisfies ClockStep),
    }
  }

  /** Takes a batch's clock. Where the wall clock was set, a mark of the minutes that is ahead comes back. */
  write(sequence: number, clock: FileClock): void {
    const { ledgerMs, newestMs, newestStartMs, farStarts, eraFromMs = 0, uptimeMs = 0 } = clock
    const stepped = clock.stepped === true
    this.#statements.write.run({
      sequence,
      ledgerMs,
      newestMs,
      newestStartMs,
      stepped: stepped ? 1 : 0,
      eraFromMs,
      bootId: uptimeMs === 0 ? '' : this.#bootId,
      uptimeMs: Math.floor(uptimeMs),
      farFromMs: farStarts?.fromMs ?? null,
      farToMs: farStarts?.toMs ?? null,
    })
    if (stepped) this.#statements.minutesBack.run(this.#minutesFromAt(this.minutesFromMs, newestMs))
  }

  /** Minutes before this may be hours. */
  get minutesFromMs(): number {
    return this.#read().minutes_from_ms
  }

  /** Minutes before this may become hours, from now on. */
  raiseMinutesFrom(ms: number): void {
    this.#statements.minutesFrom.run(ms)
  }

  #read(): Row {
    return this.#statements.read.get() as Row
  }

  /**
   * The mark of the minutes for a clock that says `nowMs`. A mark ahead of that comes back, but not into
   * hours that were compacted: a minute of theirs may be published, and would be once more.
   */
  #minutesFromAt(markMs: number, nowMs: number): number {
    if (markMs <= nowMs) return markMs
    const hoursEndMs = (this.#statements.hoursEnd.get() as number | undefined) ?? 0
    const hourMs = Math.floor(nowMs / 3_600_000) * 3_600_000
    return Math.min(markMs, Math.max(hourMs, hoursEndMs))
  }

  /** Memory is empty: the marks can be taken from the rows, where a wrong clock has pushed them far ahead. */
  #startsAt(row: Row, nowMs: number): Starts {
    const known = startsOf(row)
    const limit = nowMs + FAR_AHEAD_MS
    const isOld = row.era_from_ms === 0 && row.newest_ms > 0
    const isNear = known.farStarts !== undefined && known.farStarts.fromMs <= limit
    if (!isOld && !isNear && known.newestStartMs <= limit) return known
    const found = this.#statements.starts.get({ limit }) as Found
    const { newest, farFrom, farTo } = found
    const farStarts =
      farFrom === null || farTo === null ? undefined : { fromMs: farFrom, toMs: farTo }
    return { newestStartMs: newest ?? 0, farStarts }
  }
}

interface Starts {
  readonly newestStartMs: number
  readonly farStarts: FarStarts | undefined
}

interface Found {
  readonly newest: number | null
  readonly farFrom: number | null
  readonly farTo: number | null
}

function startsOf(row: Row): Starts {
  const { far_start_from_ms: fromMs, far_start_to_ms: toMs } = row
  const farStarts = fromMs === null || toMs === null ? undefined : { fromMs, toMs }
  return { newestStartMs: row.newest_start_ms, farStarts }
}

function clockOf(row: Row, newestMs: number, starts: Starts): FileClock {
  return {
    ledgerMs: row.ledger_ms,
    newestMs,
    minutesFromMs: row.minutes_from_ms,
    eraFromMs: row.era_from_ms,
    ...starts,
  }
}

/** Slewing is for offsets of this size. */
function isWithin(ms: number): boolean {
  return Math.abs(ms) <= STEP_MS
}
