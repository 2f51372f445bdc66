import type { Config } from '../config.ts'
import type { PageAsText } from '../query/page.ts'
import { Failure, usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Extent, Rows } from './rows.ts'

const TIMEOUT_MS = 10_000

/**
 * Base URL of a running server: the one given, else where the configuration lets it listen (an
 * address for all interfaces is reached through loopback).
 */
export function serverUrl(given: string | undefined, config: Config): string {
  if (given !== undefined) {
    if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
      throw usageFailure(
        `--url ${printable(given)} is not a URL; use one like http://127.0.0.1:9002`,
      )
    }
    return given.replace(/\/+$/, '')
  }
  const { listen } = config.http
  const port = listen.slice(listen.lastIndexOf(':') + 1)
  const host = listen.slice(0, listen.lastIndexOf(':'))
  if (host === '' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  return `http://${host === '[::]' ? '[::1]' : host}:${port}`
}

/** What a GET answered; the body is bounded by the server. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** GET of a path of a running server. Fails (exit 1) if nobody answers in time. */
export async function get(url: string, path: string, signal?: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await fetch(url + path, {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    throw new Failure(
      `no snimeter answers at ${printable(url)} (${printable(reasonOf(error))}); is serve running there? see --url`,
      1,
      { cause: error },
    )
  }
}

/** GET of JSON; an error of the server ends the command with the server's own message. */
export async function getJson(url: string, path: string, signal?: AbortSignal): Promise<unknown> {
  const { status, body } = await get(url, path, signal)
  const value = parseJson(body)
  if (status === 200 && value !== undefined) return value
  const message = (value as { error?: { message?: unknown } } | undefined)?.error?.message
  const told = typeof message === 'string' ? message : `status ${status}`
  throw new Failure(`${printable(url)} answered: ${printable(told)}`)
}

/** GET of a page of rows (`PageAsText`): counts are decimal texts, totals those of all rows. */
export async function getRows(
  url: string,
  path: string,
  signal?: AbortSignal,
): Promise<Rows & { readonly extent: Extent }> {
  const value = (await getJson(url, path, signal)) as Partial<PageAsText>
  if (!Array.isArray(value.columns) || !Array.isArray(value.rows)) {
    throw new Failure(`${printable(url)} answered without rows; is it a snimeter of this version?`)
  }
  const columns = value.columns.map(String)
  return {
    columns,
    rows: (value.rows as unknown[][]).map((row) =>
      columns.map((column, index) => {
        const cell = textOf(row[index])
        return isCount(column) && /^\d+$/.test(cell) ? BigInt(cell) : cell
      }),
    ),
    extent: extentOf(url, value),
  }
}

function extentOf(url: string, { total_rows, totals, why_empty }: Partial<PageAsText>): Extent {
  const sums = Object.entries(totals ?? {})
  if (!Number.isSafeInteger(total_rows) || sums.some(([, sum]) => !/^\d+$/.test(textOf(sum)))) {
    throw new Failure(
      `${printable(url)} answered without total_rows and totals; is it a snimeter of this version?`,
    )
  }
  return {
    totalRows: total_rows as number,
    totals: Object.fromEntries(sums.map(([column, sum]) => [column, BigInt(sum)])),
    whyEmpty: typeof why_empty === 'string' ? why_empty : undefined,
  }
}

const textOf = (cell: unknown): string =>
  typeof cell === 'string' || typeof cell === 'number' ? String(cell) : ''

/** Columns that hold counts, in every answer and view. */
const isCount = (column: string): boolean =>
  /_bytes$|^(?:connections|destinations|workloads)/.test(column)

/** Undefined for what is no JSON. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`
  // fetch says "fetch failed" and keeps the reason in `cause`; connecting to two addresses, in `errors`.
  const { cause } = error
  return cause instanceof Error
    ? cause.message || String((cause as { code?: string }).code)
    : error.message
}
