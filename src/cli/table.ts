import { cutEnd, cutMiddle, displayWidth } from './display-width.ts'
import { printable } from './printable.ts'

export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Where a terminal is too narrow the column with the lowest number is left out first; else it stays. */
  readonly spare?: number | undefined
}

export interface Table {
  readonly columns: readonly TableColumn[]
  readonly rows: readonly (readonly string[])[]
  /** Last rows under a line: sums. */
  readonly footers?: readonly (readonly string[])[]
}

/** Lines of a table, and the titles of the columns that had no room. */
export interface FittedTable {
  readonly lines: string[]
  readonly leftOut: readonly string[]
}

const GAP = '  '
/** A text column is not cut below this, unless it is the only one. */
const NARROWEST = 8

/**
 * An aligned table of lines of at most `width` columns (undefined: as wide as it needs). Where it is wider,
 * spare columns are left out, then texts are cut in their middle, the widest first, then columns are left
 * out from the right. Numbers are never cut. Cells are made printable here, so no caller can forget it.
 */
export function fittedTable(table: Table, width?: number): FittedTable {
  const rows = table.rows.map((row) => row.map(printable))
  const footers = (table.footers ?? []).map((footer) => footer.map(printable))
  const widths = table.columns.map(({ title }) => displayWidth(title))
  for (const row of [...rows, ...footers]) {
    for (let i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(row[i] ?? ''))
    }
  }
  const kept = width === undefined ? [...widths.keys()] : fitting(table.columns, widths, width)
  if (width !== undefined) shrink(widths, kept, table.columns, width)
  const line = (cells: readonly string[]): string =>
    kept
      .map((index) => pad(cells[index] ?? '', widths[index] ?? 0, table.columns[index]?.align))
      .join(GAP)
      .trimEnd()
  const lines = [line(table.columns.map(({ title }) => title)), ...rows.map(line)]
  if (footers.length > 0) {
    lines.push(kept.map((index) => '─'.repeat(widths[index] ?? 0)).join(GAP), ...footers.map(line))
  }
  const leftOut = table.columns.filter((_, index) => !kept.includes(index))
  return { lines, leftOut: leftOut.map(({ title }) => title) }
}

/** The same, with a last line that names what was left out. */
export function tableLines(table: Table, width?: number): string[] {
  const { lines, leftOut } = fittedTable(table, width)
  if (width === undefined || leftOut.length === 0) return lines
  const note = `(no room for ${leftOut.join(', ')}: a wider terminal, or a pipe, has them)`
  return [...lines, cutEnd(note, width)]
}

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1))

/** The places of the columns that stay. */
function fitting(
  columns: readonly TableColumn[],
  widths: readonly number[],
  width: number,
): number[] {
  let kept = [...columns.keys()]
  const spares = kept
    .filter((index) => columns[index]?.spare !== undefined)
    .sort((a, b) => (columns[a]?.spare ?? 0) - (columns[b]?.spare ?? 0))
  const widthOf = (index: number): number => widths[index] ?? 0
  for (const spare of spares) {
    if (total(kept.map(widthOf)) <= width) return kept
    kept = kept.filter((index) => index !== spare)
  }
  const least = (index: number): number =>
    columns[index]?.align === 'left' ? Math.min(widthOf(index), NARROWEST) : widthOf(index)
  while (kept.length > 1 && total(kept.map(least)) > width) kept.pop()
  return kept
}

/** Takes columns from the widest text until the table fits or nothing more can give way. */
function shrink(
  widths: number[],
  kept: readonly number[],
  columns: readonly TableColumn[],
  width: number,
): void {
  let excess = total(kept.map((index) => widths[index] ?? 0)) - width
  const [only] = kept
  if (kept.length === 1 && only !== undefined) {
    widths[only] = Math.min(widths[only] ?? 0, width)
    return
  }
  while (excess > 0) {
    let widest = -1
    for (const index of kept) {
      const candidate = widths[index] ?? 0
      if (columns[index]?.align !== 'left' || candidate <= NARROWEST) continue
      if (candidate > (widths[widest] ?? 0)) widest = index
    }
    if (widest < 0) return
    widths[widest] = (widths[widest] ?? 0) - 1
    excess--
  }
}

function pad(text: string, width: number, align: TableColumn['align'] = 'left'): string {
  const cut = cutMiddle(text, width)
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)))
  return align === 'left' ? cut + space : space + cut
}
