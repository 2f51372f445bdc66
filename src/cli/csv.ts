import { printable } from './printable.ts'

/**
 * Spreadsheets take a cell that begins so for a formula (OWASP: CSV injection), whatever stands before it
 * in white space. U+2212 is the minus of mathematics.
 */
const FORMULA = /^[=+\-@\u2212]/
/** … and so do cells that begin with one of these, once a program has dropped it. */
const DROPPED = /^[\t\r\n\0]/

/**
 * One line of CSV (RFC 4180 quoting, `\n` at the end). Counts are written exactly. Texts have control
 * characters escaped, and one that a spreadsheet would run as a formula gets a leading apostrophe.
 */
export function csvLine(cells: readonly (string | bigint)[]): string {
  return `${cells.map(csvCell).join(',')}\n`
}

function csvCell(cell: string | bigint): string {
  if (typeof cell === 'bigint') return cell.toString()
  const guarded = isFormula(cell) ? `'${cell}` : cell
  const text = printable(guarded)
  // Programs of some languages split at semicolons: what follows one would be a cell of its own.
  return /[",;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Full-width, small and raised signs are formulas in some languages: NFKC makes them the plain ones. */
function isFormula(cell: string): boolean {
  return DROPPED.test(cell) || FORMULA.test(cell.trimStart().slice(0, 2).normalize('NFKC'))
}
