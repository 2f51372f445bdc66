import type Database from 'better-sqlite3'
import type { UsageColumns } from '../model/batch.ts'
import { BulkStatement } from './bulk-statement.ts'
import type { RefusedRows } from './refused-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SessionIds } from './session-ids.ts'
import { sumsByKey } from './usage-sums.ts'

const HOUR_MS = 3_600_000

/** Adds increments to usage per window, to usage per pod and hour, and to the lifetime totals per pair. */
export class UsageTable {
  readonly #usage: BulkStatement
  readonly #pods: BulkStatement
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
    this.#pods = new BulkStatement(database, refused, {
      table: 'usage_pod',
      width: 8,
      insert: `INSERT INTO usage_pod (window_ms, pod_id, destination_id, window_seconds,
                                      upload, download, opened, closed)`,
      onConflict: `ON CONFLICT DO UPDATE SET
        ${saturatingAdd('upload')}, ${saturatingAdd('download')},
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

  /** `changed` is called with each row that got an increment, once the increments are in. */
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
    for (const statement of [this.#usage, this.#pods, this.#total]) statement.clear()
    const rows = this.#storableRows(usage, ids)
    // Each table in the order of its key: neighbours share pages.
    const changedRows = this.#addUsage(usage, rows)
    this.#addPods(usage, rows)
    this.#addTotals(usage, rows)
    for (const i of changedRows) {
      changed(
        usage.windowMs[i] as number,
        rows.workload[i] as number,
        rows.destination[i] as number,
        usage.windowSeconds[i] as number,
      )
    }
  }

  /** The pods of a workload are one row of it. */
  #addUsage(usage: UsageColumns, rows: StorableRows): number[] {
    const { windowMs } = usage
    const { workload, destination } = rows
    const changed: number[] = []
    const isSame = (a: number, b: number): boolean =>
      windowMs[a] === windowMs[b] &&
      workload[a] === workload[b] &&
      destination[a] === destination[b]
    for (const sum of sumsByKey(usage, rows.inOrder, isSame)) {
      const { row } = sum
      this.#usage.add(
        windowMs[row] as number,
        workload[row] as number,
        destination[row] as number,
        usage.windowSeconds[row] as number,
        sum.upload,
        sum.download,
        sum.estimated,
        sum.opened,
        sum.closed,
      )
      const last = changed.at(-1)
      if (last === undefined || !isSame(last, row)) changed.push(row)
    }
    this.#usage.flush()
    return changed
  }

  #addPods(usage: UsageColumns, rows: StorableRows): void {
    const { pod, destination } = rows
    const hourMs = usage.windowMs.map((ms) => Math.floor(ms / HOUR_MS) * HOUR_MS)
    const order = rows.inOrder.toSorted(
      (a, b) =>
        (hourMs[a] as number) - (hourMs[b] as number) ||
        (pod[a] as number) - (pod[b] as number) ||
        (destination[a] as number) - (destination[b] as number),
    )
    const isSame = (a: number, b: number): boolean =>
      hourMs[a] === hourMs[b] && pod[a] === pod[b] && destination[a] === destination[b]
    for (const { row, upload, download, opened, closed } of sumsByKey(usage, order, isSame)) {
      this.#pods.add(
        hourMs[row] as number,
        pod[row] as number,
        destination[row] as number,
        Math.max(3600, usage.windowSeconds[row] as number),
        upload,
        download,
        opened,
        closed,
      )
    }
    this.#pods.flush()
  }

  #addTotals(usage: UsageColumns, rows: StorableRows): void {
    const { workload, destination } = rows
    const isSame = (a: number, b: number): boolean =>
      workload[a] === workload[b] && destination[a] === destination[b]
    for (const sum of sumsByKey(usage, pairOrder(usage, rows), isSame)) {
      this.#total.add(
        workload[sum.row] as number,
        destination[sum.row] as number,
        sum.upload,
        sum.download,
        sum.opened,
        sum.closed,
        sum.firstMs,
        sum.lastMs,
      )
    }
    this.#total.flush()
  }

  /** The rows whose content can be stored, with the file's ids, in the order of the table's key. */
  #storableRows(usage: UsageColumns, ids: SessionIds): StorableRows {
    const { count } = usage
    const workload = new Float64Array(count)
    const pod = new Float64Array(count)
    const destination = new Float64Array(count)
    const order: number[] = []
    for (let i = 0; i < count; i++) {
      try {
        workload[i] = ids.workload(usage.workload[i] as number)
        pod[i] = ids.pod(usage.pod[i] as number)
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
    return { workload, pod, destination, inOrder: order }
  }
}

interface StorableRows {
  readonly workload: Float64Array
  readonly pod: Float64Array
  readonly destination: Float64Array
  readonly inOrder: readonly number[]
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

/** A row that the tables would refuse must reach none of them: checked before all. */
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
