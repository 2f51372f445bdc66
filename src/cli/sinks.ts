import type { Command } from 'commander'
import { sinkNames } from '../fan-out/sink-names.ts'
import { formatOption } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { Failure } from './failure.ts'
import { type Format, type Rows, renderRows } from './rows.ts'
import { type Surroundings, terminalWidth } from './surroundings.ts'

interface SinksArguments {
  readonly db?: string
  readonly config?: string
  readonly format: Format
}

interface ForgetArguments extends SinksArguments {
  readonly discard?: boolean
}

export function addSinks(program: Command, surroundings: Surroundings): void {
  const sinks = program
    .command('sinks')
    .description('destinations of usage events that a file knows, and what waits for them')
    .option('--db <file>', 'SQLite file (default: where store.path says)')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addOption(formatOption())
    .addHelpText(
      'after',
      '\nRefused (parked) events are tried again at every start and when serve gets SIGHUP.\n\nExample:\n  snimeter sinks --db data/snimeter.db',
    )
    .action((options: SinksArguments) => list(options, surroundings))
  sinks
    .command('forget <name>')
    .description('forget a sink that is not configured any more')
    .option('--discard', 'even if events wait for it, which are lost to it then')
    .addHelpText(
      'after',
      '\nA removed sink keeps its place, and minutes are kept for it, until it is forgotten. serve must\nnot be running on the file.\n\nExample:\n  snimeter sinks --db data/snimeter.db forget old-kafka',
    )
    .action((name: string, _options: unknown, command: Command) =>
      forget(name, command.optsWithGlobals<ForgetArguments>(), surroundings),
    )
}

async function list(options: SinksArguments, surroundings: Surroundings): Promise<void> {
  const { stdout } = surroundings
  const { config } = readConfiguration(surroundings, options.config)
  const { openReader } = await import('../query/reader.ts')
  const { querySinks } = await import('../query/sinks.ts')
  const database = openReader(options.db ?? config.store.path)
  try {
    const configured = sinkNames(config)
    const { columns, rows } = querySinks(database)
    const shown: Rows = {
      columns: [...columns, 'configured'],
      rows: rows.map((row) => [...row, configured.includes(String(row[0])) ? 'yes' : 'no']),
    }
    const rendered = { format: options.format, exact: true, sums: false }
    for (const text of renderRows(shown, { ...rendered, width: terminalWidth(stdout) })) {
      stdout.write(text)
    }
  } finally {
    database.close()
  }
}

async function forget(
  name: string,
  options: ForgetArguments,
  surroundings: Surroundings,
): Promise<void> {
  const { config } = readConfiguration(surroundings, options.config)
  const { Writer } = await import('../store/writer.ts')
  const path = options.db ?? config.store.path
  if (options.discard !== true) await checkNothingWaits(path, name)
  const writer = new Writer({
    path,
    windowSeconds: config.rollup.windowSeconds,
    changeWindows: false,
    retention: config.store.retention,
  })
  try {
    writer.open(surroundings.wallMs())
    writer.forgetSink(name, sinkNames(config))
    surroundings.stderr.write(`sink '${name}' is forgotten\n`)
  } finally {
    writer.close()
  }
}

/** (A file that is not there is told here: the writer would make it.) */
async function checkNothingWaits(path: string, name: string): Promise<void> {
  const { openReader } = await import('../query/reader.ts')
  const { querySinks } = await import('../query/sinks.ts')
  const database = openReader(path)
  try {
    const { columns, rows } = querySinks(database)
    const row = rows.find(([sink]) => sink === name) ?? []
    const waits = ['waiting', 'parked', 'changed'].filter((column) => {
      const count = row[columns.indexOf(column)]
      return typeof count === 'bigint' && count > 0n
    })
    if (waits.length === 0) return
    throw new Failure(
      `sink '${name}' lacks events (${waits.join(', ')}; see snimeter sinks): let serve send them first, or add --discard`,
    )
  } finally {
    database.close()
  }
}
