import { MAX_SUM } from '../runtime/saturating-sum.ts'

/** Which of the rows that match are in an answer: those from `offset` on, `limit` at most. */
export interface PageRequest {
  readonly limit?: number | undefined
  readonly offset?: number | undefined
}

/** Named columns and rows: texts, and counts as bigint. */
export interface Totals {
  readonly columns: string[]
  readonly rows: (string | bigint)[][]
}

/** Some of the rows that match, and what all of them come to, as of one moment. */
export interface Page extends Totals {
  /** Rows that match, on every page. */
  readonly totalRows: number
  /** Rows that match and stand before this page. */
  readonly offset: number
  /** Sums over all rows that match, by column; they stop at 2^63-1, as every sum does. */
  readonly totals: Readonly<Record<string, bigint>>
  /** Where no row matches: why, in a sentence. */
  readonly whyEmpty?: string | undefined
}

/** A page as it leaves; counts are texts, because JSON numbers are doubles. */
export interface PageAsText {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Rows that match, on every page. */
  readonly total_rows: number
  /** Whether more rows follow. */
  readonly truncated: boolean
  /** Where the next page begins; null if nothing follows. */
  readonly next_offset: number | null
  /** Sums over all rows that match. */
  readonly totals: Readonly<Record<string, string>>
  /** Only where no row matches: why, in a sentence. */
  readonly why_empty?: string
}

/** Whether rows follow after a page. */
function isTruncated({ rows, offset, totalRows }: Page): boolean {
  return offset + rows.length < totalRows
}

export function pageAsText(page: Page): PageAsText {
  const truncated = isTruncated(page)
  return {
    columns: page.columns,
    rows: page.rows.map((row) => row.map((cell) => cell?.toString() ?? '')),
    total_rows: page.totalRows,
    truncated,
    next_offset: truncated ? page.offset + page.rows.length : null,
    totals: Object.fromEntries(
      Object.entries(page.totals).map(([column, total]) => [column, total.toString()]),
    ),
    ...(page.whyEmpty === undefined ? {} : { why_empty: page.whyEmpty }),
  }
}

/** All rows as one page: the sums are those of its own columns. */
export function wholePage({ columns, rows }: Totals, summed: readonly string[]): Page {
  const totals = summed.map((column) => {
    const index = columns.indexOf(column)
    return [column, rows.reduce((sum, row) => saturated(sum + BigInt(row[index] ?? 0)), 0n)]
  })
  return { columns, rows, totalRows: rows.length, offset: 0, totals: Object.fromEntries(totals) }
}

/** A sum that stops where those of SQLite do. */
function saturated(sum: bigint): bigint {
  return sum > BigInt(MAX_SUM) ? BigInt(MAX_SUM) : sum
}
