import type { UsageColumns } from '../model/batch.ts'
import { type FairShare, sharedPool } from '../runtime/fair-share.ts'
import { NO_SENDER } from '../runtime/sender-slots.ts'

/** Sums in a pending row stay exact doubles: beyond this a second row for the same key is begun. */
const MAX_EXACT = Number.MAX_SAFE_INTEGER
/** Rows that there is always room for. */
const LEAST_ROOM = 1024

/**
 * Usage that has changed since the last cut: one row per (window, pod, destination), in
 * columns, found by an open-addressing index. A key can own several rows (see `MAX_EXACT`): the
 * store adds them up in 64 bits.
 */
export class PendingUsage {
  count = 0
  /** Deltas that had to join another window because `maxRows` was reached. */
  late = 0
  /** Who reports what is added next (`Sender.key`). */
  sender = NO_SENDER
  /** Rows by the sender whose report made them: a lone one may fill `maxRows`. */
  readonly share: FairShare
  #columns: Columns
  /** row + 1, under the hash of (window, pod, destination). */
  #index = new Int32Array(4 * LEAST_ROOM)
  /** row + 1 of the newest window, under the hash of (pod, destination). */
  #newest = new Int32Array(4 * LEAST_ROOM)

  constructor(maxRows: number) {
    this.share = sharedPool(maxRows)
    this.#columns = makeColumns(LEAST_ROOM)
  }

  /**
   * Adds increments to the row of a window. Beyond the sender's share of `maxRows` the increments join the
   * newest pending window of the pod and name (counted in `late`); only a pair of these without any row still gets
   * one, so the rows are bounded by the shares (about twice `maxRows` in all) plus the pairs, which budgets bound.
   */
  add(
    windowMs: number,
    windowSeconds: number,
    workload: number,
    pod: number,
    destination: number,
    upload: number,
    download: number,
    estimated: number,
    opened: number,
    closed: number,
    firstMs: number,
    lastMs: number,
  ): void {
    const row = this.#rowFor(windowMs, windowSeconds, workload, pod, destination, upload, download)
    const columns = this.#columns
    columns.upload[row] = (columns.upload[row] as number) + upload
    columns.download[row] = (columns.download[row] as number) + download
    columns.estimated[row] = (columns.estimated[row] as number) + estimated
    columns.opened[row] = (columns.opened[row] as number) + opened
    columns.closed[row] = (columns.closed[row] as number) + closed
    if (firstMs < (columns.firstMs[row] as number)) columns.firstMs[row] = firstMs
    if (lastMs > (columns.lastMs[row] as number)) columns.lastMs[row] = lastMs
  }

  /** Everything pending as an immutable copy; afterwards nothing is pending. */
  cut(): UsageColumns {
    const { count } = this
    const columns = this.#columns
    const batch: UsageColumns = {
      count,
      windowMs: columns.windowMs.slice(0, count),
      windowSeconds: columns.windowSeconds.slice(0, count),
      workload: columns.workload.slice(0, count),
      pod: columns.pod.slice(0, count),
      destination: columns.destination.slice(0, count),
      upload: columns.upload.slice(0, count),
      download: columns.download.slice(0, count),
      estimated: columns.estimated.slice(0, count),
      opened: columns.opened.slice(0, count),
      closed: columns.closed.slice(0, count),
      firstMs: columns.firstMs.slice(0, count),
      lastMs: columns.lastMs.slice(0, count),
    }
    this.count = 0
    this.share.clear()
    this.#empty(count)
    return batch
  }

  /** Keeps room for a quarter of what there was: a burst must not hold its memory for good. */
  #empty(rows: number): void {
    const room = Math.max(LEAST_ROOM, 2 ** Math.ceil(Math.log2(rows / 4)))
    if (room < this.#columns.windowMs.length) {
      this.#columns = makeColumns(room)
      this.#index = new Int32Array(4 * room)
      this.#newest = new Int32Array(4 * room)
    } else {
      this.#index.fill(0)
      this.#newest.fill(0)
    }
  }

  #rowFor(
    windowMs: number,
    windowSeconds: number,
    workload: number,
    pod: number,
    destination: number,
    upload: number,
    download: number,
  ): number {
    const columns = this.#columns
    const mask = this.#index.length - 1
    let slot = hashKey(windowMs, pod, destination) & mask
    for (;;) {
      const row = (this.#index[slot] as number) - 1
      if (row === -1) break
      if (
        columns.windowMs[row] === windowMs &&
        columns.pod[row] === pod &&
        columns.destination[row] === destination
      ) {
        if (this.#fits(row, upload, download)) return row
        return this.#makeRow(slot, windowMs, windowSeconds, workload, pod, destination)
      }
      slot = (slot + 1) & mask
    }
    if (!this.share.hasRoom(this.sender)) {
      const newest = this.#newestOf(pod, destination)
      if (newest !== -1 && this.#fits(newest, upload, download)) {
        this.late++
        return newest
      }
    }
    return this.#makeRow(slot, windowMs, windowSeconds, workload, pod, destination)
  }

  #fits(row: number, upload: number, download: number): boolean {
    const columns = this.#columns
    // `estimated` grows by at most upload + download, so their sum is what must stay exact.
    const sum = (columns.upload[row] as number) + (columns.download[row] as number)
    return sum + upload + download <= MAX_EXACT
  }

  #makeRow(
    slot: number,
    windowMs: number,
    windowSeconds: number,
    workload: number,
    pod: number,
    destination: number,
  ): number {
    const row = this.count++
    this.share.take(this.sender)
    if (row === this.#columns.windowMs.length) this.#columns = grown(this.#columns)
    const columns = this.#columns
    columns.windowMs[row] = windowMs
    columns.windowSeconds[row] = windowSeconds
    columns.workload[row] = workload
    columns.pod[row] = pod
    columns.destination[row] = destination
    columns.upload[row] = 0
    columns.download[row] = 0
    columns.estimated[row] = 0
    columns.opened[row] = 0
    columns.closed[row] = 0
    columns.firstMs[row] = Number.POSITIVE_INFINITY
    columns.lastMs[row] = Number.NEGATIVE_INFINITY
    this.#index[slot] = row + 1
    this.#noteNewest(row)
    if (this.count * 2 > this.#index.length) this.#rehash()
    return row
  }

  #newestOf(pod: number, destination: number): number {
    return (this.#newest[this.#newestSlot(pod, destination)] as number) - 1
  }

  #noteNewest(row: number): void {
    const columns = this.#columns
    const slot = this.#newestSlot(columns.pod[row] as number, columns.destination[row] as number)
    const held = (this.#newest[slot] as number) - 1
    if (held === -1 || (columns.windowMs[row] as number) >= (columns.windowMs[held] as number)) {
      this.#newest[slot] = row + 1
    }
  }

  #newestSlot(pod: number, destination: number): number {
    const columns = this.#columns
    const mask = this.#newest.length - 1
    let slot = hashKey(0, pod, destination) & mask
    for (;;) {
      const row = (this.#newest[slot] as number) - 1
      if (row === -1 || (columns.pod[row] === pod && columns.destination[row] === destination)) {
        return slot
      }
      slot = (slot + 1) & mask
    }
  }

  #rehash(): void {
    const columns = this.#columns
    this.#index = new Int32Array(this.#index.length * 2)
    this.#newest = new Int32Array(this.#newest.length * 2)
    const mask = this.#index.length - 1
    for (let row = 0; row < this.count; row++) {
      const windowMs = columns.windowMs[row] as number
      const pod = columns.pod[row] as number
      const destination = columns.destination[row] as number
      let slot = hashKey(windowMs, pod, destination) & mask
      for (;;) {
        const other = (this.#index[slot] as number) - 1
        // A later row of the same key takes the slot: only the last one is still added to.
        if (
          other === -1 ||
          (columns.windowMs[other] === windowMs &&
            columns.pod[other] === pod &&
            columns.destination[other] === destination)
        ) {
          break
        }
        slot = (slot + 1) & mask
      }
      this.#index[slot] = row + 1
      this.#noteNewest(row)
    }
  }
}

type Columns = { -readonly [K in Exclude<keyof UsageColumns, 'count'>]: UsageColumns[K] }

function makeColumns(capacity: number): Columns {
  return {
    windowMs: new Float64Array(capacity),
    windowSeconds: new Int32Array(capacity),
    workload: new Int32Array(capacity),
    pod: new Int32Array(capacity),
    destination: new Int32Array(capacity),
    upload: new Float64Array(capacity),
    download: new Float64Array(capacity),
    estimated: new Float64Array(capacity),
    opened: new Int32Array(capacity),
    closed: new Int32Array(capacity),
    firstMs: new Float64Array(capacity),
    lastMs: new Float64Array(capacity),
  }
}

function grown(columns: Columns): Columns {
  const bigger = makeColumns(columns.windowMs.length * 2)
  for (const name of Object.keys(columns) as (keyof Columns)[]) bigger[name].set(columns[name])
  return bigger
}

function hashKey(windowMs: number, pod: number, destination: number): number {
  let hash = Math.imul((windowMs / 1000) | 0, 0x9e3779b1)
  hash = Math.imul((hash ^ (hash >>> 15)) + pod, 0x85ebca77)
  hash = Math.imul((hash ^ (hash >>> 13)) + destination, 0xc2b2ae3d)
  return hash ^ (hash >>> 16)
}
