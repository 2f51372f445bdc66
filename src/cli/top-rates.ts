/** Totals of one row at one moment. */
interface RowTotals {
  readonly upload: bigint
  readonly download: bigint
}

/** One answer of the server. */
export interface Snapshot {
  readonly atMs: number
  /** By key: the texts of the group's columns, joined. */
  readonly rows: ReadonlyMap<string, RowTotals>
  /** True if the answer held every row there is: then a row that is not in it was 0. */
  readonly complete: boolean
}

/** Bytes per second. */
export interface Rate {
  readonly upload: number
  readonly download: number
}

/** Rates by the difference of totals over the last seconds. Bounded: snapshots leave as they age. */
export class TopRates {
  readonly #overMs: number
  #snapshots: Snapshot[] = []

  constructor(overMs: number) {
    this.#overMs = overMs
  }

  add(snapshot: Snapshot): void {
    this.#snapshots.push(snapshot)
    // The newest one that is at least overMs old stays: the difference to it covers the whole span.
    while (
      this.#snapshots.length > 2 &&
      snapshot.atMs - (this.#snapshots[1] as Snapshot).atMs >= this.#overMs
    ) {
      this.#snapshots.shift()
    }
  }

  /**
   * Rate of a row of the newest snapshot. Undefined where it can't be known: one snapshot only, a
   * row that the older answer may have cut off, or totals that shrank (another file).
   */
  of(key: string): Rate | undefined {
    const newest = this.#snapshots.at(-1)
    const oldest = this.#snapshots[0]
    const row = newest?.rows.get(key)
    if (newest === undefined || oldest === undefined || row === undefined) return undefined
    const seconds = (newest.atMs - oldest.atMs) / 1000
    if (seconds <= 0) return undefined
    const before = oldest.rows.get(key)
    if (before === undefined && !oldest.complete) return undefined
    const upload = row.upload - (before?.upload ?? 0n)
    const download = row.download - (before?.download ?? 0n)
    if (upload < 0n || download < 0n) return undefined
    // Differences of seconds are far below 2^53; only totals need bigint.
    return { upload: Number(upload) / seconds, download: Number(download) / seconds }
  }
}
