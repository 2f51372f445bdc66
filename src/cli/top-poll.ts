import { Failure } from './failure.ts'
import { COUNTS, type Rows } from './rows.ts'
import { getJson, getRows } from './server-api.ts'
import type { Snapshot } from './top-rates.ts'
import type { TopHeader, TopRow } from './top-view.ts'
import { readableWorkloads } from './workload-columns.ts'

/** Rows asked for in one poll: more would cost the server more than a look is worth. */
const MOST_ROWS = 1000

/** One look at a running server. */
export interface Look {
  readonly snapshot: Snapshot
  readonly groupTitles: readonly string[]
  readonly rows: readonly Omit<TopRow, 'rate'>[]
  /** Rows that the server has. */
  readonly totalRows: number
  readonly header: TopHeader
}

/** Asks a server for its totals and its status, at the same time. */
export async function look(
  url: string,
  monotonicMs: () => number,
  signal?: AbortSignal,
): Promise<Look> {
  const path = `/api/v1/totals?by=workload,sni&order=total&limit=${MOST_ROWS}`
  const [{ columns, rows, extent }, status] = await Promise.all([
    getRows(url, path, signal),
    getJson(url, '/api/v1/status', signal),
  ])
  const atMs = monotonicMs()
  const count = (row: readonly (string | bigint)[], column: string): bigint => {
    const cell = row[columns.indexOf(column)]
    if (typeof cell === 'bigint') return cell
    throw new Failure(`${url} answered without ${column}; is it a snimeter of this version?`)
  }
  const total = (column: string): bigint => {
    const sum = extent.totals[column]
    if (sum !== undefined) return sum
    throw new Failure(
      `${url} answered without the total of ${column}; is it a snimeter of this version?`,
    )
  }
  const groups = groupsOf(columns, rows)
  const readable = readableWorkloads(groups, COUNTS, [])
  const looked = rows.map((row, index) => ({
    key: (groups.rows[index] ?? []).join('\0'),
    group: (readable.rows[index] ?? []).map(String),
    upload: count(row, 'upload_bytes'),
    download: count(row, 'download_bytes'),
    connections: count(row, 'connections'),
  }))
  return {
    snapshot: {
      atMs,
      rows: new Map(looked.map((row) => [row.key, row])),
      complete: rows.length === extent.totalRows,
      all: { upload: total('upload_bytes'), download: total('download_bytes') },
    },
    totalRows: extent.totalRows,
    groupTitles: readable.columns.map((column) => column.replaceAll('_', ' ').toUpperCase()),
    rows: looked,
    header: headerOf(url, status),
  }
}

/** The rows without their counts: what identifies them. */
function groupsOf(columns: Rows['columns'], rows: Rows['rows']): Rows {
  const kept = [...columns.keys()].filter((index) => !COUNTS.has(columns[index] ?? ''))
  return {
    columns: kept.map((index) => columns[index] ?? ''),
    rows: rows.map((row) => kept.map((index) => row[index] ?? '')),
  }
}

/** The status in what `top` shows of it; a field that a server does not send is left out. */
function headerOf(url: string, status: unknown): TopHeader {
  const fields = (status ?? {}) as Readonly<Record<string, unknown>>
  const count = (name: string): bigint | undefined => {
    const value = fields[name]
    return /^\d+$/.test(String(value)) ? BigInt(String(value)) : undefined
  }
  const reason = fields['reason']
  const uptime = fields['uptime_seconds']
  return {
    url,
    ready: typeof fields['ready'] === 'boolean' ? fields['ready'] : undefined,
    trouble: fields['ready'] === false && typeof reason === 'string' ? reason : undefined,
    uptimeMs: typeof uptime === 'number' ? uptime * 1000 : undefined,
    openConnections: count('open_connections'),
    streams: count('streams'),
    findings: count('findings'),
  }
}
