/** Increments of rows with one key, added up. */
export interface UsageSum {
  /** A row of the batch that has the key. */
  readonly row: number
  upload: number
  download: number
  estimated: number
  opened: number
  closed: number
  firstMs: number
  lastMs: number
}

interface Increments {
  readonly upload: Float64Array
  readonly download: Float64Array
  readonly estimated: Float64Array
  readonly opened: Int32Array
  readonly closed: Int32Array
  readonly firstMs: Float64Array
  readonly lastMs: Float64Array
}

/**
 * One sum for each run of rows with the same key: `order` has them side by side. Sums that would pass 2^53
 * are split, so that each is an exact number.
 */
export function* sumsByKey(
  usage: Increments,
  order: readonly number[],
  isSameKey: (a: number, b: number) => boolean,
): Iterable<UsageSum> {
  let sum: UsageSum | undefined
  for (const i of order) {
    const upload = usage.upload[i] as number
    const download = usage.download[i] as number
    if (
      sum === undefined ||
      !isSameKey(sum.row, i) ||
      // `estimated` is at most upload and download together.
      sum.upload + sum.download + upload + download > Number.MAX_SAFE_INTEGER
    ) {
      if (sum !== undefined) yield sum
      const counts = { upload: 0, download: 0, estimated: 0, opened: 0, closed: 0 }
      sum = { row: i, ...counts, firstMs: Infinity, lastMs: -Infinity }
    }
    sum.upload += upload
    sum.download += download
    sum.estimated += usage.estimated[i] as number
    sum.opened += usage.opened[i] as number
    sum.closed += usage.closed[i] as number
    sum.firstMs = Math.min(sum.firstMs, Math.floor(usage.firstMs[i] as number))
    sum.lastMs = Math.max(sum.lastMs, Math.floor(usage.lastMs[i] as number))
  }
  if (sum !== undefined) yield sum
}
