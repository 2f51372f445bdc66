import { groupedCount, humanBytes, type Units } from './amount.ts'
import { csvLine } from './csv.ts'
import { Failure } from './failure.ts'
import { printable, printableJson } from './printable.ts'
import type { Surroundings } from './surroundings.ts'
import { type Table, tableLines } from './table.ts'

export const FORMATS = ['table', 'csv', 'json'] as const

export type Format = (typeof FORMATS)[number]

/** Named columns and rows; byte and other counts are bigint, everything else is text. */
export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | bigint)[])[]
  /** What all rows that match come to, where these may be some of them. */
  readonly extent?: Extent | undefined
}

/** All rows that match a question. */
export interface Extent {
  readonly totalRows: number
  /** Sums over all of them, by column. */
  readonly totals: Readonly<Record<string, bigint>>
  /** Where there are none: why. */
  readonly whyEmpty?: string | undefined
}

/** Whether there are more rows than these. */
function isPart({ rows, extent }: Rows): boolean {
  return extent !== undefined && rows.length < extent.totalRows
}

/** Says on stderr why there are no rows. */
export function sayWhyEmpty(why: string, { stderr }: Surroundings): void {
  stderr.write(`snimeter: no rows: ${printable(why)}\n`)
}

/**
 * Says on stderr why there are no rows, or that there are more of them and what all come to, where the output
 * has no place for it.
 */
export function sayWhatIsMissing(rows: Rows, format: Format, surroundings: Surroundings): void {
  const { stderr } = surroundings
  if (rows.extent?.whyEmpty !== undefined) sayWhyEmpty(rows.extent.whyEmpty, surroundings)
  if (format === 'table' || rows.extent === undefined || !isPart(rows)) return
  const { totalRows, totals } = rows.extent
  const [shown, all] = [rows.rows.length, totalRows].map((count) => groupedCount(BigInt(count)))
  const sums = Object.entries(totals).map(([column, total]) => `${column} ${groupedCount(total)}`)
  stderr.write(
    `snimeter: ${shown} of ${all} rows (--limit, --offset); all of them: ${sums.join(', ')}\n`,
  )
}

/** The columns of totals that are counts; the others are the group's. */
export const COUNTS: ReadonlySet<string> = new Set([
  'upload_bytes',
  'download_bytes',
  'connections',
])

/** Rows one after the other, which may be more than memory holds. */
export interface RowStream {
  readonly columns: readonly string[]
  readonly rows: Iterable<Rows['rows'][number]>
}

/** Rows of a table at most: its columns are as wide as the widest of them. */
const MAX_TABLE_ROWS = 100_000

export interface RowsOptions {
  readonly format: Format
  /** Table only: every byte, not `1.2 GiB`. */
  readonly exact: boolean
  /** Table only: of bytes that are not exact. */
  readonly units?: Units
  /** Table only: columns of the terminal; undefined = as wide as needed. */
  readonly width: number | undefined
  /** Table only: columns that a narrow terminal has no room for, the first to be left out first. */
  readonly spare?: readonly string[]
  /** Table only: a last row with the sums of the number columns, of all rows that match. */
  readonly sums: boolean
}

/**
 * The rows as text, ending in a newline. CSV and JSON are exact; in JSON counts are texts, because
 * most readers would put a number beyond 2^53 through a double.
 */
export function* renderRows(data: RowStream | Rows, options: RowsOptions): Generator<string> {
  switch (options.format) {
    case 'csv':
      yield csvLine(data.columns)
      for (const row of data.rows) yield csvLine(row)
      return
    case 'json':
      yield* jsonArray(data)
      return
    case 'table':
      for (const line of tableLines(tableOf(allOf(data), options), options.width)) yield `${line}\n`
  }
}

const allOf = (data: RowStream | Rows): Rows =>
  Array.isArray(data.rows) ? (data as Rows) : rowsOf(data)

/** All rows at once. Fails if they are more than a table can have. */
export function rowsOf({ columns, rows }: RowStream): Rows {
  const all: Rows['rows'][number][] = []
  for (const row of rows) {
    if (all.length === MAX_TABLE_ROWS) {
      throw new Failure(
        `a table has at most ${MAX_TABLE_ROWS} rows, and there are more; use --limit, or --format csv`,
      )
    }
    all.push(row)
  }
  return { columns, rows: all }
}

/**
 * The same rows, of which the first ones are read at once: however slowly a terminal takes them, the file
 * is read no longer than needed (a read that goes on keeps its write-ahead log).
 */
export function buffered({ columns, rows }: RowStream): RowStream {
  const iterator = rows[Symbol.iterator]()
  const first: Rows['rows'][number][] = []
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    first.push(next.value)
    if (first.length === MAX_TABLE_ROWS) break
  }
  function* all(): Generator<Rows['rows'][number]> {
    yield* first
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value
  }
  return { columns, rows: all() }
}

/** As `JSON.stringify(rows, undefined, 2)` writes them. */
function* jsonArray({ columns, rows }: RowStream): Generator<string> {
  let begin = '[\n  '
  for (const row of rows) {
    yield begin + printableJson(record(columns, row), 2).replaceAll('\n', '\n  ')
    begin = ',\n  '
  }
  yield begin === ',\n  ' ? '\n]\n' : '[]\n'
}

function record(columns: readonly string[], row: readonly (string | bigint)[]) {
  // A null prototype: a column can't be called `__proto__`, but nothing here relies on that.
  const one: Record<string, string> = Object.create(null)
  for (const [index, column] of columns.entries()) one[column] = String(row[index] ?? '')
  return one
}

const isBytes = (column: string): boolean => column.endsWith('_bytes')

function tableOf(data: Rows, { exact, sums, units, spare = [] }: RowsOptions): Table {
  const { columns, rows, extent } = data
  const numeric = columns.map(
    (column, index) => isBytes(column) || typeof rows[0]?.[index] === 'bigint',
  )
  const cell = (value: string | bigint | undefined, index: number): string => {
    if (typeof value !== 'bigint') return value ?? ''
    return isBytes(columns[index] ?? '') && !exact ? humanBytes(value, units) : groupedCount(value)
  }
  const shown = rows.map((row) => row.map(cell))
  const spares = columns.map((column) => {
    const place = spare.indexOf(column)
    return place < 0 ? undefined : place
  })
  const table: Table = {
    columns: columns.map((column, index) => ({
      title: titleOf(column),
      align: numeric[index] === true ? 'right' : 'left',
      spare: spares[index],
    })),
    rows: shown,
  }
  if (!sums) return table
  const sumOf = (_: string, index: number): bigint =>
    rows.reduce((total, row) => total + BigInt(row[index] ?? 0), 0n)
  const footer = (label: string, of: (column: string, index: number) => bigint | undefined) => {
    const place = placeOf(label, shown, numeric, spares)
    return columns.map((column, index) => {
      if (numeric[index] === true) return cell(of(column, index), index)
      return index === place ? label : ''
    })
  }
  const count = (of: number): string => `${groupedCount(BigInt(of))} ${of === 1 ? 'row' : 'rows'}`
  if (extent !== undefined && isPart(data)) {
    const all = footer(`all ${count(extent.totalRows)}`, (column) => extent.totals[column])
    return { ...table, footers: [footer(`${count(rows.length)} shown`, sumOf), all] }
  }
  return rows.length < 2 ? table : { ...table, footers: [footer(count(rows.length), sumOf)] }
}

/**
 * A footer's label stands before the numbers, in the first column that is wide enough without it, else in the
 * first; not in one that may be left out.
 */
function placeOf(
  label: string,
  rows: readonly (readonly string[])[],
  numeric: readonly boolean[],
  spares: readonly (number | undefined)[],
): number {
  const first = numeric.indexOf(true)
  const texts = [...numeric.keys()]
    .slice(0, first < 0 ? undefined : first)
    .filter((index) => spares[index] === undefined)
  const isWide = (index: number): boolean =>
    rows.some((row) => (row[index] ?? '').length >= label.length)
  return texts.find(isWide) ?? texts[0] ?? -1
}

/** `upload_bytes` is `UPLOAD` in a table: the unit stands beside the number. */
const titleOf = (column: string): string =>
  column
    .replace(/_bytes$/, '')
    .replaceAll('_', ' ')
    .toUpperCase()
