import { type Command, Option } from 'commander'
import type { Zone } from '../runtime/zone.ts'
import { groupedCount, type Units } from './amount.ts'
import { formatOption, rowCount, rowsBefore, timeOf, unitsOption, zoneOption } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { usageFailure } from './failure.ts'
import { writeAll } from './output.ts'
import { COUNTS, type Format, type Rows, renderRows, sayWhatIsMissing } from './rows.ts'
import { getRows, serverUrl } from './server-api.ts'
import { type Surroundings, terminalWidth } from './surroundings.ts'
import { readableWorkloads } from './workload-columns.ts'

const STATES = ['open', 'closed', 'orphaned'] as const
/** As `CONNECTION_ORDERS`, which is loaded with SQLite. */
const ORDERS = ['last_seen', 'started', 'total', 'upload', 'download'] as const

interface ConnectionsArguments {
  readonly url?: string
  readonly db?: string
  readonly config?: string
  readonly state?: (typeof STATES)[number]
  readonly sni?: string
  readonly notSni?: string
  readonly workload?: string
  readonly namespace?: string
  readonly since?: string
  readonly tz: Zone
  readonly order: (typeof ORDERS)[number]
  readonly units: Units
  readonly limit: number
  readonly offset: number
  readonly format: Format
  readonly exact?: boolean
}

export function addConnections(program: Command, surroundings: Surroundings): void {
  program
    .command('connections')
    .description('open and recent connections of a running server or of a file')
    .option('--url <url>', 'of the server (default: where http.listen says)')
    .option('--db <file>', 'read this SQLite file instead of asking a server')
    .addOption(new Option('--state <state>', 'in this state only').choices(STATES))
    .option('--sni <glob>', 'names only that match, like *.aliyuncs.com')
    .option('--not-sni <glob>', 'without the names that match')
    .option('--workload <glob>', 'workloads only that match: name or namespace/name')
    .option('--namespace <glob>', 'namespaces only that match')
    .option('--since <time>', 'last seen at this time or later: -1h, today, 2026-11-24T18:00Z')
    .addOption(zoneOption())
    .addOption(
      new Option('--order <order>', 'newest or largest first').choices(ORDERS).default('last_seen'),
    )
    .option('--limit <rows>', 'at most so many rows', rowCount, 100)
    .option('--offset <rows>', 'without the first so many rows', rowsBefore, 0)
    .addOption(formatOption())
    .addOption(unitsOption())
    .option('--exact', 'every byte in the table too')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nThe table shows the columns that tell most; csv and json have them all. A server leaves out\nconnection_id unless http.connection_ids is set; --db has it.\n\nExample:\n  snimeter connections --since -1h --order total --not-sni "*.internal" --limit 20',
    )
    .action(async (options: ConnectionsArguments) => {
      const { stdout } = surroundings
      if (options.url !== undefined && options.db !== undefined) {
        throw usageFailure('give --url or --db, not both')
      }
      const all =
        options.db === undefined
          ? await fromServer(options, surroundings)
          : await fromFile(options, options.db, surroundings)
      const { format, units, exact = false } = options
      const shown = format === 'table' ? readableWorkloads(narrowed(all), COUNTS, []) : all
      const width = terminalWidth(stdout)
      const rendered = { format, exact, units, width, sums: true, spare: SPARE }
      await writeAll(stdout, renderRows(shown, rendered))
      sayWhatIsMissing(all, format, surroundings)
      const hop = all.extent?.totals['hop_bytes'] ?? 0n
      if (hop > 0n) {
        surroundings.stderr.write(
          `snimeter: ${groupedCount(hop)} of all these bytes are billed at another proxy (hop = 1)\n`,
        )
      }
    })
}

async function fromServer(
  options: ConnectionsArguments,
  surroundings: Surroundings,
): Promise<Rows> {
  const url = serverUrl(options.url, readConfiguration(surroundings, options.config).config)
  const { limit, offset, order, tz, since } = options
  const query = new URLSearchParams({ limit: String(limit), offset: String(offset), order })
  const given = {
    state: options.state,
    sni: options.sni,
    not_sni: options.notSni,
    workload: options.workload,
    namespace: options.namespace,
    // As a moment of this machine's clock, which `-1h` means.
    since: momentOf(since, tz, surroundings),
    tz: tz.isUtc ? undefined : tz.name,
  }
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) query.set(name, value)
  }
  return getRows(url, `/api/v1/connections?${query.toString()}`)
}

function momentOf(
  since: string | undefined,
  zone: Zone,
  { wallMs }: Surroundings,
): string | undefined {
  if (since === undefined) return undefined
  return new Date(timeOf('--since', since, wallMs(), zone)).toISOString()
}

async function fromFile(
  options: ConnectionsArguments,
  path: string,
  { wallMs }: Surroundings,
): Promise<Rows> {
  const { openReader } = await import('../query/totals.ts')
  const { queryConnections } = await import('../query/connections.ts')
  const { whyNoConnections } = await import('../query/why-empty.ts')
  const { state, sni, notSni, workload, namespace, order, limit, offset, since, tz } = options
  const sinceMs = since === undefined ? undefined : timeOf('--since', since, wallMs(), tz)
  const filter = { state, sni, notSni, workload, namespace, sinceMs, zone: tz.name }
  const db = openReader(path)
  try {
    const page = queryConnections(db, { ...filter, limit, offset, order })
    const whyEmpty = page.totalRows === 0 ? whyNoConnections(db, filter) : undefined
    return { ...page, extent: { ...page, whyEmpty } }
  } finally {
    db.close()
  }
}

/**
 * What a table has room for, most telling first; the id last, to look the rest up by. `invalid_sni` only
 * where a row has one.
 */
const TABLE_COLUMNS = [
  'state',
  'namespace',
  'workload',
  'pod',
  'sni',
  'invalid_sni',
  'upload_bytes',
  'download_bytes',
  'started_at',
  'last_seen_at',
  'connection_id',
] as const

/** What a narrow terminal has no room for, the first to be left out first. */
const SPARE = ['connection_id', 'invalid_sni', 'last_seen_at', 'started_at', 'state'] as const

function narrowed({ columns, rows, extent }: Rows): Rows {
  const invalidSni = columns.indexOf('invalid_sni')
  const hasInvalid = rows.some((row) => row[invalidSni] !== undefined && row[invalidSni] !== '')
  const kept = TABLE_COLUMNS.map((column) => columns.indexOf(column)).filter(
    (index) => index >= 0 && (index !== invalidSni || hasInvalid),
  )
  return {
    extent,
    columns: kept.map((index) => columns[index] ?? ''),
    rows: rows.map((row) => kept.map((index) => row[index] ?? '')),
  }
}
