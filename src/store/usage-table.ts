import type Database from 'better-sqlite3'
import type { UsageColumns } from '../model/batch.ts'
import { BulkStatement } from './bulk-statement.ts'
import type { RefusedRows } from './refused-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SessionIds } from './session-ids.ts'

/** Adds increments to usage per window and to the lifetime totals per pair. */
export class UsageTable {
  readonly #usage: BulkStatement
  readonly #total: BulkStatement
  readonly #refused: RefusedRows

  constructor(database: Database.Database, refused: RefusedRows) {
    this.#refused = refused
    this.#usage = new BulkStatement(database, refused, {
      table: 'usage',
      width: 9,
      insert: `INSERT INTO usage_minute (window_ms, workload_id, destination_id, window_seconds,
                                         upload, download, estimated, opened, closed)`,
      onConflict: `ON CONFLICT DO UPDATE SET
        ${saturatingAdd('upload')}, ${saturatingAdd('download')}, ${saturatingAdd('estimated')},
        opened = opened + excluded.opened, closed = closed + excluded.closed`,
    })
    this.#total = new BulkStatement(database, refused, {
      table: 'total',
      width: 8,
      insert: `INSERT INTO pair_total (workload_id, destination_id, upload, download, connections,
                                       closed, first_ms, last_ms)`,
      onConflict: `ON CONFLICT DO UPDATE SET
        ${saturatingAdd('upload')}, ${saturatingAdd('download')},
        connections = connections + excluded.connections, closed = closed + excluded.closed,
        first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)`,
    })
  }

  /** `changed` is told each row that got an increment, once the increments are in. */
  add(
    usage: UsageColumns,
    ids: SessionIds,
    changed: (
      windowMs: number,
      workloadId: number,
      destinationId: number,
      windowSeconds: number,
    ) => void,
  ): void {
    this.#usage.clear()
    this.#total.clear()
    const rows = this.#storableRows(usage, ids)
    // In the order of the table's key: neighbours share pages.
    for (const i of rows.inOrder) {
      this.#usage.add(
        usage.windowMs[i] as number,
        rows.workload[i] as number,
        rows.destination[i] as number,
        usage.windowSeconds[i] as number,
        usage.upload[i] as number,
        usage.download[i] as number,
        usage.estimated[i] as number,
        usage.opened[i] as number,
        usage.closed[i] as number,
      )
    }
    this.#usage.flush()
    this.#addTotals(usage, rows)
    for (const i of rows.inOrder) {
      changed(
        usage.windowMs[i] as number,
        rows.workload[i] as number,
        rows.destination[i] as number,
        usage.windowSeconds[i] as number,
      )
    }
  }

  /**
   * One row a pair: sorted by pair, its increments lie side by side. Sums that would pass 2^53 are
   * split, so that each is an exact number.
   */
  #addTotals(usage: UsageColumns, rows: StorableRows): void {
    const { workload, destination } = rows
    let pair: PairSum | undefined
    for (const i of pairOrder(usage, rows)) {
      const upload = usage.upload[i] as number
      const download = usage.download[i] as number
      if (
        pair === undefined ||
        pair.workload !== workload[i] ||
        pair.destination !== destination[i] ||
        pair.upload + upload > Number.MAX_SAFE_INTEGER ||
        pair.download + download > Number.MAX_SAFE_INTEGER
      ) {
        this.#addTotal(pair)
        pair = emptySum(workload[i] as number, destination[i] as number)
      }
      pair.upload += upload
      pair.download += download
      pair.opened += usage.opened[i] as number
      pair.closed += usage.closed[i] as number
      pair.firstMs = Math.min(pair.firstMs, Math.floor(usage.firstMs[i] as number))
      pair.lastMs = Math.max(pair.lastMs, Math.floor(usage.lastMs[i] as number))
    }
    this.#addTotal(pair)
    this.#total.flush()
  }

  #addTotal(pair: PairSum | undefined): void {
    if (pair === undefined) return
    this.#total.add(
      pair.workload,
      pair.destination,
      pair.upload,
      pair.download,
      pair.opened,
      pair.closed,
      pair.firstMs,
      pair.lastMs,
    )
  }

  /** The rows whose content can be stored, with the file's ids, in the order of the table's key. */
  #storableRows(usage: UsageColumns, ids: SessionIds): StorableRows {
    const { count } = usage
    const workload = new Float64Array(count)
    const destination = new Float64Array(count)
    const order: number[] = []
    for (let i = 0; i < count; i++) {
      try {
        workload[i] = ids.workload(usage.workload[i] as number)
        destination[i] = ids.destination(usage.destination[i] as number)
        checkRow(usage, i)
        order.push(i)
      } catch (error) {
        if (!this.#refused.isForContent(error)) throw error
        const { windowMs, upload, download } = usage
        this.#refused.refuse('usage', [windowMs[i], upload[i], download[i]], error)
      }
    }
    order.sort(
      (a, b) =>
        (usage.windowMs[a] as number) - (usage.windowMs[b] as number) ||
        (workload[a] as number) - (workload[b] as number) ||
        (destination[a] as number) - (destination[b] as number),
    )
    return { workload, destination, inOrder: order }
  }
}

interface StorableRows {
  readonly workload: Float64Array
  readonly destination: Float64Array
  readonly inOrder: readonly number[]
}

interface PairSum {
  readonly workload: number
  readonly destination: number
  upload: number
  download: number
  opened: number
  closed: number
  firstMs: number
  lastMs: number
}

function emptySum(workload: number, destination: number): PairSum {
  const counts = { upload: 0, download: 0, opened: 0, closed: 0 }
  return { workload, destination, ...counts, firstMs: Infinity, lastMs: -Infinity }
}

/** The rows by pair: they are already, unless they are of several windows. */
function pairOrder(usage: UsageColumns, rows: StorableRows): readonly number[] {
  const { inOrder, workload, destination } = rows
  const first = usage.windowMs[inOrder[0] ?? 0]
  const last = usage.windowMs[inOrder.at(-1) ?? 0]
  if (first === last) return inOrder
  return inOrder.toSorted(
    (a, b) =>
      (workload[a] as number) - (workload[b] as number) ||
      (destination[a] as number) - (destination[b] as number),
  )
}

/** A row that the tables would refuse must reach neither usage nor totals: checked before both. */
function checkRow(usage: UsageColumns, i: number): void {
  for (const name of ['upload', 'download', 'estimated', 'opened', 'closed'] as const) {
    const value = usage[name][i] as number
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`)
  }
  for (const name of ['windowMs', 'firstMs', 'lastMs'] as const) {
    const value = usage[name][i] as number
    const whole = name === 'windowMs' ? value : Math.floor(value)
    if (!Number.isSafeInteger(whole)) throw new RangeError(`${value} is no moment`)
  }
}
