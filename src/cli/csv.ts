import { printable } from './printable.ts'

/** Spreadsheets take a cell that begins so for a formula (OWASP: CSV injection). */
const FORMULA = /^[=+\-@\t\r]/

/**
 * One line of CSV (RFC 4180 quoting, `\n` at the end). Counts are written exactly. Texts have control
 * characters escaped, and one that a spreadsheet would run as a formula gets a leading apostrophe.
 */
export function csvLine(cells: readonly (string | bigint)[]): string {
  return `${cells.map(csvCell).join(',')}\n`
}

function csvCell(cell: string | bigint): string {
  if (typeof cell === 'bigint') return cell.toString()
  const guarded = FORMULA.test(cell) ? `'${cell}` : cell
  const text = printable(guarded)
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
