import { groupedCount, humanBytes, humanDuration, humanRate, type Units } from './amount.ts'
import { cutEnd } from './display-width.ts'
import { printable } from './printable.ts'
import { fittedTable, type TableColumn } from './table.ts'
import type { ByteTotals, Rate } from './top-rates.ts'

/** One line of `top`. */
export interface TopRow {
  /** Identity of the row, also where the group shows less. */
  readonly key: string
  /** Cells of the group's columns. */
  readonly group: readonly string[]
  readonly upload: bigint
  readonly download: bigint
  readonly connections: bigint
  readonly rate: Rate | undefined
}

/** What `top` shows above the table; absent where the server did not say. */
export interface TopHeader {
  readonly url: string
  readonly ready: boolean | undefined
  /** Why it is not ready, or what went wrong with the last poll. */
  readonly trouble: string | undefined
  readonly uptimeMs: number | undefined
  readonly openConnections: bigint | undefined
  readonly streams: bigint | undefined
  /** Errors and warnings of `doctor live`. */
  readonly findings: bigint | undefined
}

export interface TopScreen {
  readonly header: TopHeader
  readonly groupTitles: readonly string[]
  readonly rows: readonly TopRow[]
  /** Totals of everything that the server has, and their rate: `rows` may be the largest of them only. */
  readonly all: { readonly totals: ByteTotals; readonly rate: Rate | undefined }
  /** Rows that the server has. */
  readonly totalRows: number
  readonly units: Units
}

/** Busiest first; rows without a known rate by their totals, after those that move. */
function byRate(a: TopRow, b: TopRow): number {
  const moving = speed(b) - speed(a)
  if (moving !== 0) return moving
  const difference = b.upload + b.download - (a.upload + a.download)
  if (difference !== 0n) return difference > 0n ? 1 : -1
  return a.key < b.key ? -1 : 1
}

const speed = ({ rate }: TopRow): number => (rate === undefined ? 0 : rate.upload + rate.download)

/** The numbers of a row; on a narrow terminal what does not change from look to look leaves first. */
const NUMBERS: readonly TableColumn[] = [
  { title: 'UPLOAD/S', align: 'right' },
  { title: 'DOWNLOAD/S', align: 'right' },
  { title: 'UPLOAD', align: 'right', spare: 1 },
  { title: 'DOWNLOAD', align: 'right', spare: 2 },
  { title: 'CONNECTIONS', align: 'right', spare: 0 },
]

/** Lines of one screen, at most `width` columns each and `rows` rows below the header. */
export function topLines(screen: TopScreen, rows: number, width: number | undefined): string[] {
  const shown = [...screen.rows].sort(byRate).slice(0, rows)
  const { lines, leftOut } = fittedTable(
    {
      columns: [
        ...screen.groupTitles.map((title) => ({ title, align: 'left' }) as const),
        ...NUMBERS,
      ],
      rows: shown.map(({ group, rate, upload, download, connections }) => [
        ...group,
        humanRate(rate?.upload, screen.units),
        humanRate(rate?.download, screen.units),
        humanBytes(upload, screen.units),
        humanBytes(download, screen.units),
        groupedCount(connections),
      ]),
    },
    width,
  )
  const fit = (line: string): string => (width === undefined ? line : cutEnd(line, width))
  return [...headerLines(screen, leftOut).map(fit), '', ...lines]
}

function headerLines(
  { header, rows, all: { totals, rate }, totalRows, units }: TopScreen,
  leftOut: readonly string[],
): string[] {
  const known: string[] = [`snimeter ${printable(header.url)}`]
  if (header.trouble !== undefined) known.push(printable(header.trouble))
  else if (header.ready !== undefined) known.push(header.ready ? 'ready' : 'not ready')
  if (header.uptimeMs !== undefined) known.push(`up ${humanDuration(header.uptimeMs)}`)
  if (header.streams !== undefined) known.push(`${groupedCount(header.streams)} streams`)
  if (header.openConnections !== undefined) {
    known.push(`${groupedCount(header.openConnections)} open connections`)
  }
  if (header.findings !== undefined && header.findings > 0n) {
    known.push(`${groupedCount(header.findings)} findings: snimeter doctor live`)
  }
  const speed = (text: string): string => (text === '' ? '' : ` (${text})`)
  const counted = `${groupedCount(BigInt(totalRows))} rows`
  const watched = groupedCount(BigInt(rows.length))
  return [
    known.join(' · '),
    [
      `upload ${humanBytes(totals.upload, units)}${speed(humanRate(rate?.upload, units))}`,
      `download ${humanBytes(totals.download, units)}${speed(humanRate(rate?.download, units))}`,
      rows.length < totalRows ? `${counted}, the ${watched} largest watched` : counted,
      ...(leftOut.length === 0 ? [] : [`no room for ${leftOut.join(', ')}`]),
    ].join(' · '),
  ]
}
