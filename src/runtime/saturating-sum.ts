/** The largest sum that SQLite's integers hold; bytes beyond it are not added. */
export const MAX_SUM = '9223372036854775807'

/**
 * SQL for `sum(column)` of counters that saturates at 2^63-1, where SQLite's own sum would fail with
 * "integer overflow": the high and the low halves are added apart. Exact below that.
 */
export function saturatingSum(column: string): string {
  const high = `sum(${column} >> 32)`
  const low = `sum(${column} & 4294967295)`
  return `CASE WHEN ${high} + (${low} >> 32) > 2147483647 THEN ${MAX_SUM} ELSE (${high} << 32) + ${low} END`
}
