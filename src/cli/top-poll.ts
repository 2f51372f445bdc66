import { Failure } from './failure.ts'
import { getJson, getRows } from './server-api.ts'
import type { RowTotals, Snapshot } from './top-rates.ts'
import type { TopHeader, TopRow } from './top-view.ts'

/** Rows asked for in one poll: more would cost the server more than a look is worth. */
const MOST_ROWS = 1000

/** One look at a running server. */
export interface Look {
  readonly snapshot: Snapshot
  readonly groupTitles: readonly string[]
  readonly rows: readonly Omit<TopRow, 'rate'>[]
  readonly header: TopHeader
}

/** Asks a server for its totals and its status, at the same time. */
export async function look(
  url: string,
  monotonicMs: () => number,
  signal?: AbortSignal,
): Promise<Look> {
  const path = `/api/v1/totals?by=workload,sni&order=total&limit=${MOST_ROWS}`
  const [{ columns, rows }, status] = await Promise.all([
    getRows(url, path, signal),
    getJson(url, '/api/v1/status', signal),
  ])
  const atMs = monotonicMs()
  const count = (row: readonly (string | bigint)[], column: string): bigint => {
    const cell = row[columns.indexOf(column)]
    if (typeof cell === 'bigint') return cell
    throw new Failure(`${url} answered without ${column}; is it a snimeter of this version?`)
  }
  const groupColumns = columns.filter((column) => !COUNTS.has(column))
  const looked = rows.map((row) => ({
    group: groupColumns.map((column) => String(row[columns.indexOf(column)] ?? '')),
    upload: count(row, 'upload_bytes'),
    download: count(row, 'download_bytes'),
    connections: count(row, 'connections'),
  }))
  const totals = looked.map(({ group, upload, download }): [string, RowTotals] => {
    const key = keyOf(group)
    return [key, { key, upload, download }]
  })
  return {
    snapshot: { atMs, rows: new Map(totals), complete: rows.length < MOST_ROWS },
    groupTitles: groupColumns.map((column) => column.replaceAll('_', ' ').toUpperCase()),
    rows: looked,
    header: headerOf(url, status),
  }
}

const COUNTS = new Set(['upload_bytes', 'download_bytes', 'connections'])

/** Identity of a row: its group's cells, which never hold a NUL. */
export function keyOf(group: readonly string[]): string {
  return group.join('\0')
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
  }
}
