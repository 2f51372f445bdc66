import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { SendGuard as Guard } from '../fan-out/send-guard.ts'
import type { Stamp } from '../model/stamp.ts'
import type { PublicationReader as Reader } from '../store/publication-reader.ts'
import { timeOf } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { Failure, usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

/** Refused events that are named; the others are counted. */
const NAMED = 10

interface RepublishArguments {
  readonly db?: string
  readonly config?: string
  readonly since: string
  readonly until?: string
  readonly sink?: string
}

export function addRepublish(program: Command, surroundings: Surroundings): void {
  program
    .command('republish')
    .description('send the usage events of a range again: the same ids, the same contents')
    .requiredOption('--since <time>', 'windows from here: -1h, -1d, 2026-11-24T18:00Z')
    .option('--until <time>', 'windows before here (default: now)')
    .option('--sink <name>', 'to this sink (needed if several are configured)')
    .option('--db <file>', 'SQLite file (default: where store.path says)')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nEvery revision is sent, in order, to the sink as it is configured now; serve may be running.\nReaches back as far as minutes are kept (store.retention.minutes).\n\nExample:\n  snimeter republish --config snimeter.yaml --since -6h',
    )
    .action((options: RepublishArguments) => run(options, surroundings))
}

async function run(options: RepublishArguments, surroundings: Surroundings): Promise<void> {
  const { stderr, wallMs } = surroundings
  const { config } = readConfiguration(surroundings, options.config)
  const { configuredSinks } = await import('../fan-out/configured-sinks.ts')
  const { republish } = await import('../fan-out/republish.ts')
  const { SendGuard } = await import('../fan-out/send-guard.ts')
  const { PublicationReader } = await import('../store/publication-reader.ts')
  const { createLogger } = await import('../telemetry/logger.ts')
  const nowMs = wallMs()
  const sinceMs = timeOf('--since', options.since, nowMs)
  const untilMs = options.until === undefined ? nowMs : timeOf('--until', options.until, nowMs)
  if (sinceMs >= untilMs) throw usageFailure('--since is not before --until')
  const path = options.db ?? config.store.path
  const logger = createLogger({ ...config.log, level: 'warn' })
  let reader: Reader | undefined
  const open = () => {
    reader ??= new PublicationReader(path)
    return reader
  }
  const guards = new Map<string, Guard>()
  const guardOf = (sink: string) => {
    const file = {
      ledgerId: () => open().ledgerId(),
      sequence: (name: string) => open().sequence(name),
    }
    const judge = async (found: readonly Stamp[]) => Promise.resolve(open().admit(sink, found))
    const guard = new SendGuard(sink, { reader: file, logger, judge })
    guards.set(sink, guard)
    return guard
  }
  const sinks = await configuredSinks(config, logger, { guardOf, again: true })
  const named = options.sink ?? (sinks.length === 1 ? sinks[0]?.name : undefined)
  const chosen = sinks.find(({ name }) => name === named)
  try {
    if (chosen === undefined)
      throw noSink(
        named,
        sinks.map(({ name }) => name),
      )
    const pause = (ms: number) => sleep(ms)
    const { events, refused } = await republish({
      ...chosen,
      path,
      sinceMs,
      untilMs,
      pause,
      refusal: () => guards.get(chosen.name)?.refusal,
    })
    stderr.write(`${events} events were sent again to ${chosen.name}\n`)
    if (refused.length > 0) throw new Failure(refusal(refused))
  } finally {
    await Promise.all(sinks.map(({ sink }) => sink.stop()))
    reader?.close()
  }
}

function noSink(named: string | undefined, known: readonly string[]): Failure {
  if (known.length === 0) {
    return usageFailure('no sink is configured; set kafka.brokers or files.directory')
  }
  const what =
    named === undefined ? '--sink is needed' : `--sink ${printable(named)} is not configured`
  return usageFailure(`${what}; use one of ${known.join(', ')}`)
}

function refusal(refused: readonly string[]): string {
  const more = refused.length > NAMED ? `, and ${refused.length - NAMED} more` : ''
  return `${refused.length} events were refused: ${refused.slice(0, NAMED).join(', ')}${more}`
}
