import { type Command, Option } from 'commander'
import type { Zone } from '../runtime/zone.ts'
import type { Units } from './amount.ts'
import { formatOption, rowCount, rowsBefore, timeOf, unitsOption, zoneOption } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { Failure, usageFailure } from './failure.ts'
import { writeAll } from './output.ts'
import { printable } from './printable.ts'
import {
  buffered,
  COUNTS,
  type Format,
  type RowStream,
  type Rows,
  renderRows,
  rowsOf,
  sayWhatIsMissing,
  sayWhyEmpty,
} from './rows.ts'
import { type Surroundings, terminalWidth } from './surroundings.ts'
import { readableWorkloads } from './workload-columns.ts'

const ORDERS = ['total', 'upload', 'download', 'connections', 'name'] as const
/** What a narrow terminal has no room for. */
const SPARE = ['connections'] as const

interface QueryArguments {
  readonly db?: string
  readonly config?: string
  readonly by: string
  readonly since?: string
  readonly until?: string
  readonly tz: Zone
  readonly sni?: string
  readonly notSni?: string
  readonly workload?: string
  readonly namespace?: string
  readonly order: (typeof ORDERS)[number]
  readonly limit?: number
  readonly offset?: number
  readonly format: Format
  readonly units: Units
  readonly exact?: boolean
}

export function addQuery(program: Command, surroundings: Surroundings): void {
  program
    .command('query')
    .description('totals of a file, while the server writes it or as a copy')
    .option('--db <file>', 'SQLite file (default: where store.path says)')
    .option(
      '--by <columns>',
      'group by these, with commas: sni, workload, pod, namespace, hour, …',
      'sni',
    )
    .option('--since <time>', 'windows from here: -1h, -3d, today, 2026-11-24, 2026-11-24T18:00Z')
    .option('--until <time>', 'windows before here')
    .addOption(zoneOption())
    .option('--sni <glob>', 'names only that match, like *.aliyuncs.com')
    .option('--not-sni <glob>', 'without the names that match')
    .option('--workload <glob>', 'workloads only that match: name, or namespace/name')
    .option('--namespace <glob>', 'namespaces only that match')
    .addOption(
      new Option('--order <order>', 'largest first; names from a to z')
        .choices(ORDERS)
        .default('total'),
    )
    .option('--limit <rows>', 'at most so many rows; the table has the totals of all', rowCount)
    .option('--offset <rows>', 'without the first so many rows', rowsBefore)
    .addOption(formatOption())
    .addOption(unitsOption())
    .option('--exact', 'every byte in the table too')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nWithout --since and --until: lifetime totals, every connection once.\nCSV and JSON: the columns of --by, then upload_bytes, download_bytes and connections; workload\nstands for cluster, namespace, workload_kind and workload. Days and hours are those of --tz.\npod stands for these and the pod: hours of UTC, as far back as pods are kept.\nWithout a row, stderr says why.\n\nExample:\n  snimeter query --db data/snimeter.db --by workload,sni --since -1d --limit 20',
    )
    .action((options: QueryArguments) => query(options, surroundings))
}

async function query(options: QueryArguments, surroundings: Surroundings): Promise<void> {
  const { stdout, wallMs } = surroundings
  const path = options.db ?? readConfiguration(surroundings, options.config).config.store.path
  // Loaded here: SQLite is not needed for --help, and start-up time is felt.
  const { whyNoTotals } = await import('../query/why-empty.ts')
  const { podsBegin } = await import('../query/pods-begin.ts')
  const { GROUP_COLUMNS, eachTotal, openReader, queryTotals } = await import('../query/totals.ts')
  const nowMs = wallMs()
  const { since, until, tz, sni, notSni, workload, namespace, order, limit, offset } = options
  const sinceMs = since === undefined ? undefined : timeOf('--since', since, nowMs, tz)
  const untilMs = until === undefined ? undefined : timeOf('--until', until, nowMs, tz)
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs) {
    throw usageFailure('--since is not before --until')
  }
  const by = columnsOf(options.by, GROUP_COLUMNS)
  const filter = { zone: tz.name, sni, notSni, workload, namespace, sinceMs, untilMs }
  const request = { by, order, descending: order !== 'name', ...filter }
  const isTimed = since !== undefined || until !== undefined || by.includes('day')
  if (isTimed && tz.offsetMs(nowMs) % 3_600_000 !== 0) {
    surroundings.stderr.write(
      `snimeter: ${tz.name} is no whole hours from UTC: rows older than store.retention.minutes are hours of UTC, and count where they begin\n`,
    )
  }
  const db = openReader(path)
  try {
    const { format, units, exact = false } = options
    const width = terminalWidth(stdout)
    const rendered = { format, exact, units, width, sums: true, spare: SPARE }
    if (by.includes('pod')) sayPodsBegin(podsBegin(db, sinceMs), surroundings)
    if (limit === undefined && offset === undefined) {
      const all = counted(eachTotal(db, request))
      const shown = format === 'table' ? readableWorkloads(rowsOf(all), COUNTS, by) : buffered(all)
      await writeAll(stdout, renderRows(shown, rendered))
      if (all.count === 0) sayWhyEmpty(whyNoTotals(db, filter), surroundings)
      return
    }
    const page = queryTotals(db, { ...request, limit, offset })
    const whyEmpty = page.totalRows === 0 ? whyNoTotals(db, filter) : undefined
    const some: Rows = { ...page, extent: { ...page, whyEmpty } }
    const shown = format === 'table' ? readableWorkloads(some, COUNTS, by) : some
    await writeAll(stdout, renderRows(shown, rendered))
    sayWhatIsMissing(some, format, surroundings)
  } catch (error) {
    throw roomFailure(error)
  } finally {
    db.close()
  }
}

function sayPodsBegin(ms: number | undefined, { stderr }: Surroundings): void {
  if (ms === undefined) return
  const since = Number.isFinite(ms)
    ? `since ${new Date(ms).toISOString().slice(0, 16)}Z`
    : 'not yet'
  stderr.write(`snimeter: usage per pod is kept ${since}; --by workload has what was before\n`)
}

/** The same rows, and how many have been read. */
function counted({ columns, rows }: RowStream): RowStream & { readonly count: number } {
  let count = 0
  function* all(): Generator<Rows['rows'][number]> {
    for (const row of rows) {
      count++
      yield row
    }
  }
  return {
    columns,
    rows: all(),
    get count() {
      return count
    },
  }
}

/** Large answers are sorted in temporary files: where they have no room, that is what is wrong. */
function roomFailure(error: unknown): unknown {
  const { code } = error as { code?: unknown }
  if (code !== 'SQLITE_FULL') return error
  const folder = printable(process.env['SQLITE_TMPDIR'] ?? 'the folder of temporary files')
  return new Failure(
    `${folder} has no room to sort the answer; make some, or set SQLITE_TMPDIR`,
    1,
    {
      cause: error,
    },
  )
}

/** `workload,sni` as columns, each known and named once. */
export function columnsOf<Column extends string>(text: string, known: readonly Column[]): Column[] {
  const names = text.split(',').map((name) => name.trim().toLowerCase().replaceAll('-', '_'))
  const columns = names.map((name) => {
    const column = known.find((candidate) => candidate === name)
    if (column !== undefined) return column
    throw usageFailure(`--by ${printable(name)} is not a column; use some of ${known.join(', ')}`)
  })
  if (new Set(columns).size < columns.length) throw usageFailure('--by names a column twice')
  return columns
}
