import type Database from 'better-sqlite3'
import type { UsageColumns } from '../model/batch.ts'
import { BulkStatement } from './bulk-statement.ts'
import type { RefusedRows } from './refused-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SessionIds } from './session-ids.ts'

/** Ids of the file's destinations stay below this: a pair is one exact number. */
const ID_SPACE = 2 ** 26

interface PairSum {
  upload: number
  download: number
  opened: number
  closed: number
  firstMs: number
  lastMs: number
}

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

  add(usage: UsageColumns, ids: SessionIds): void {
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
  }

  /** Totals per pair first, then one row a pair; sums that could pass 2^53 are split before. */
  #addTotals(usage: UsageColumns, rows: StorableRows): void {
    const pairs = new Map<number, PairSum>()
    for (const i of rows.inOrder) {
      const key = (rows.workload[i] as number) * ID_SPACE + (rows.destination[i] as number)
      let pair = pairs.get(key)
      if (pair === undefined) {
        pair = { upload: 0, download: 0, opened: 0, closed: 0, firstMs: Infinity, lastMs: 0 }
        pairs.set(key, pair)
      }
      const upload = usage.upload[i] as number
      const download = usage.download[i] as number
      if (
        pair.upload + upload > Number.MAX_SAFE_INTEGER ||
        pair.download + download > Number.MAX_SAFE_INTEGER
      ) {
        this.#addTotal(key, pair)
        pair.upload = 0
        pair.download = 0
        pair.opened = 0
        pair.closed = 0
      }
      pair.upload += upload
      pair.download += download
      pair.opened += usage.opened[i] as number
      pair.closed += usage.closed[i] as number
      pair.firstMs = Math.min(pair.firstMs, usage.firstMs[i] as number)
      pair.lastMs = Math.max(pair.lastMs, usage.lastMs[i] as number)
    }
    for (const [key, pair] of pairs) this.#addTotal(key, pair)
    this.#total.flush()
  }

  #addTotal(key: number, pair: PairSum): void {
    this.#total.add(
      Math.floor(key / ID_SPACE),
      key % ID_SPACE,
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
        checkCounters(usage, i)
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

/** A row that the table would refuse must not reach the totals either: checked before both. */
function checkCounters(usage: UsageColumns, i: number): void {
  for (const column of [
    usage.upload,
    usage.download,
    usage.estimated,
    usage.opened,
    usage.closed,
  ]) {
    const value = column[i] as number
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`)
  }
}
