import { displayWidth, printable, truncate } from './printable.ts'

export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
}

export interface Table {
  readonly columns: readonly TableColumn[]
  readonly rows: readonly (readonly string[])[]
  /** Last rows under a line: sums. */
  readonly footers?: readonly (readonly string[])[]
}

const GAP = '  '
/** A text column is not cut below this. */
const NARROWEST = 8

/**
 * Lines of an aligned table, at most `width` columns each (undefined: as wide as it needs). Text
 * columns give way, widest first; numbers are never cut. Cells are made printable here, so no
 * caller can forget it.
 */
export function tableLines(table: Table, width?: number): string[] {
  const titles = table.columns.map(({ title }) => title)
  const rows = table.rows.map((row) => row.map(printable))
  const footers = (table.footers ?? []).map((footer) => footer.map(printable))
  const widths = titles.map(displayWidth)
  for (const row of [...rows, ...footers]) {
    for (let i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(row[i] ?? ''))
    }
  }
  if (width !== undefined) shrink(widths, table.columns, width)
  const line = (cells: readonly string[]) =>
    table.columns
      .map(({ align }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align))
      .join(GAP)
      .trimEnd()
  const lines = [line(titles), ...rows.map(line)]
  if (footers.length > 0) {
    lines.push(widths.map((columns) => '─'.repeat(columns)).join(GAP), ...footers.map(line))
  }
  // A terminal narrower than the numbers: cut, or every row would wrap.
  return width === undefined ? lines : lines.map((text) => truncate(text, width))
}

/** Takes columns from the widest text column until the table fits or nothing more can give way. */
function shrink(widths: number[], columns: readonly TableColumn[], width: number): void {
  let excess = widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1)) - width
  while (excess > 0) {
    let widest = -1
    for (const [index, { align }] of columns.entries()) {
      const candidate = widths[index] ?? 0
      if (align === 'left' && candidate > NARROWEST && candidate > (widths[widest] ?? 0)) {
        widest = index
      }
    }
    if (widest < 0) return
    widths[widest] = (widths[widest] ?? 0) - 1
    excess--
  }
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const cut = truncate(text, width)
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)))
  return align === 'left' ? cut + space : space + cut
}
