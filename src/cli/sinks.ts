import type { Command } from 'commander'
import { sinkNames } from '../fan-out/sink-names.ts'
import type { SinkStanding } from '../query/sinks.ts'
import { formatOption } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { Failure, usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import { type Format, type Rows, renderRows } from './rows.ts'
import { type Surroundings, terminalWidth } from './surroundings.ts'

interface SinksArguments {
  readonly db?: string
  readonly config?: string
  readonly format: Format
}

interface ForgetArguments extends SinksArguments {
  readonly discard?: boolean
  readonly yes?: boolean
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
      '\nCONFIGURED needs the configuration of serve (--config, SNIMETER_CONFIG, or its variables); without\none it is unknown. Refused (parked) events are tried again at every start and when serve gets SIGHUP.\n\nExample:\n  snimeter sinks --config snimeter.yaml',
    )
    .action((options: SinksArguments) => list(options, surroundings))
  sinks
    .command('forget <name>')
    .description('forget a sink that is not configured any more')
    .option('--discard', 'even if events wait for it, which are lost to it then')
    .option('--yes', 'without the configuration of serve, and even if events wait for it')
    .addHelpText(
      'after',
      '\nA removed sink keeps its place, and minutes are kept for it, until it is forgotten. serve must\nnot be running on the file. Without the configuration of serve it is not known whether the sink is\nin use: then the command says what would be lost, and does it with --yes only.\n\nExample:\n  snimeter sinks --config snimeter.yaml forget old-kafka',
    )
    .action((name: string, _options: unknown, command: Command) =>
      forget(name, command.optsWithGlobals<ForgetArguments>(), surroundings),
    )
}

/** Names of the configured sinks; undefined where nothing says which ones `serve` has. */
function readSinks(surroundings: Surroundings, path: string | undefined) {
  const { config, settings, file } = readConfiguration(surroundings, path)
  const isSet = (['kafka.brokers', 'files.directory'] as const).some(
    (key) => settings.get(key)?.where !== 'default',
  )
  return { config, configured: file !== undefined || isSet ? sinkNames(config) : undefined }
}

async function list(options: SinksArguments, surroundings: Surroundings): Promise<void> {
  const { stdout } = surroundings
  const { config, configured } = readSinks(surroundings, options.config)
  const { openReader } = await import('../query/reader.ts')
  const { querySinks } = await import('../query/sinks.ts')
  const database = openReader(options.db ?? config.store.path)
  try {
    const { columns, rows } = querySinks(database)
    const standing = (name: string) => (configured?.includes(name) ? 'yes' : 'no')
    const shown: Rows = {
      columns: [...columns, 'configured'],
      rows: rows.map((row) => [
        ...row.map((cell) => cell ?? ''),
        configured === undefined ? 'unknown' : standing(String(row[0])),
      ]),
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
  const { config, configured } = readSinks(surroundings, options.config)
  const path = options.db ?? config.store.path
  const standing = await standingOf(path, name)
  // A sink that is unknown or configured has nothing to lose here: the writer refuses it.
  if (standing !== undefined && configured?.includes(name) !== true) {
    surroundings.stderr.write(loss(name, standing))
    if (configured === undefined && options.yes !== true) {
      throw usageFailure(
        `without the configuration of serve it is not known whether '${printable(name)}' is in use: give --config, or add --yes`,
      )
    }
    if (options.yes !== true && options.discard !== true) checkNothingWaits(name, standing)
  }
  const { Writer } = await import('../store/writer.ts')
  const writer = new Writer({
    path,
    windowSeconds: config.rollup.windowSeconds,
    changeWindows: false,
    retention: config.store.retention,
  })
  try {
    writer.open(surroundings.wallMs())
    writer.forgetSink(name, configured ?? [])
    surroundings.stderr.write(`sink '${name}' is forgotten\n`)
  } finally {
    writer.close()
  }
}

/** (Throws for a file that is not there: the writer would make it.) */
async function standingOf(path: string, name: string): Promise<SinkStanding | undefined> {
  const { openReader } = await import('../query/reader.ts')
  const { querySink } = await import('../query/sinks.ts')
  const database = openReader(path)
  try {
    return querySink(database, name)
  } finally {
    database.close()
  }
}

/** What the sink loses when it is forgotten. */
function loss(name: string, standing: SinkStanding): string {
  const { waiting, parked, changed, publishedTo, lastWindow } = standing
  return `sink '${printable(name)}' loses:
  ${waiting} events that wait for it, ${parked} parked ones, ${changed} late changes
  its position: windows before ${publishedTo} are published
  the revisions of its events: its last window is ${lastWindow ?? 'none'}; republish cannot send them again
`
}

function checkNothingWaits(name: string, standing: SinkStanding): void {
  const waits = (['waiting', 'parked', 'changed'] as const).filter((what) => standing[what] > 0n)
  if (waits.length === 0) return
  throw new Failure(
    `sink '${name}' lacks events (${waits.join(', ')}; see snimeter sinks): let serve send them first, or add --discard`,
  )
}
