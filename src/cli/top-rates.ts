/** Totals of one row, or of all, at one moment. */
export interface ByteTotals {
  readonly upload: bigint
  readonly download: bigint
}

/** One answer of the server. */
export interface Snapshot {
  readonly atMs: number
  /** By key: the texts of the group's columns, joined. */
  readonly rows: ReadonlyMap<string, ByteTotals>
  /** True if the answer held every row there is: then a row that is not in it was 0. */
  readonly complete: boolean
  /** Totals of all rows that the server has, whether they are in the answer or not. */
  readonly all: ByteTotals
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
    const newest = this.#snapshots.at(-1)?.rows.get(key)
    const oldest = this.#snapshots[0]
    if (newest === undefined || oldest === undefined) return undefined
    const before = oldest.rows.get(key)
    if (before === undefined && !oldest.complete) return undefined
    return this.#rate(before ?? { upload: 0n, download: 0n }, newest)
  }

  /** Totals of all rows of the server as of the newest snapshot, and their rate. */
  get all(): { readonly totals: ByteTotals; readonly rate: Rate | undefined } {
    const newest = this.#snapshots.at(-1)?.all ?? { upload: 0n, download: 0n }
    return { totals: newest, rate: this.#rate(this.#snapshots[0]?.all ?? newest, newest) }
  }

  #rate(before: ByteTotals, now: ByteTotals): Rate | undefined {
    const seconds = ((this.#snapshots.at(-1)?.atMs ?? 0) - (this.#snapshots[0]?.atMs ?? 0)) / 1000
    const upload = now.upload - before.upload
    const download = now.download - before.download
    if (seconds <= 0 || upload < 0n || download < 0n) return undefined
    // Differences of seconds are far below 2^53; only totals need bigint.
    return { upload: Number(upload) / seconds, download: Number(download) / seconds }
  }
}
