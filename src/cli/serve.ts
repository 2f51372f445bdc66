import { resolve } from 'node:path'
import type { Command } from 'commander'
import { OPTIONS } from '../config/options.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { type ConfigFlags, readConfiguration } from './configuration.ts'
import { ExitCode, Failure } from './failure.ts'
import { StopSignals } from './stop-signals.ts'
import type { Surroundings } from './surroundings.ts'

/** The flags of `serve` that set a key: flag, what follows it, and the key. */
const FLAGS = OPTIONS.flatMap((option) =>
  'flag' in option ? [{ ...option, value: valueName(option.type.kind) }] : [],
)

function valueName(kind: (typeof OPTIONS)[number]['type']['kind']): string {
  return {
    address: 'host:port',
    path: 'path',
    duration: 'duration',
    choice: 'name',
    size: 'size',
    count: 'number',
    flag: 'boolean',
    text: 'text',
    list: 'list',
    secret: 'text',
  }[kind]
}

export function addServe(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('serve')
    .description('receive access logs and keep the totals, until SIGTERM or SIGINT')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
  for (const { flag, value, key, default: byDefault } of FLAGS) {
    const note = byDefault === '' ? key : `${key}, default ${byDefault}`
    command.option(`${flag} <${value}>`, note)
  }
  command
    .addHelpText(
      'after',
      '\nFlags win over the environment (SNIMETER_ALS_LISTEN, …), which wins over the file.\nSee print-config --explain for every key.\n\nExample:\n  snimeter serve --als-listen 0.0.0.0:9001 --db /var/lib/snimeter/snimeter.db',
    )
    .action((options: Record<string, string | undefined>) => serve(options, surroundings))
}

async function serve(
  options: Record<string, string | undefined>,
  surroundings: Surroundings,
): Promise<void> {
  const { config } = readConfiguration(surroundings, options['config'], flagsOf(options))
  const { createLogger } = await import('../telemetry/logger.ts')
  const { App } = await import('../app.ts')
  const logger = createLogger(config.log)
  const signals = new StopSignals(process, surroundings.monotonicMs, (signal) => {
    logger.error({ signal }, 'second signal: exiting at once, without commit')
    process.exit(ExitCode.failed)
  })
  const app = new App(config, { logger })
  process.on('SIGHUP', () => {
    logger.info('SIGHUP: what sinks have refused is tried again')
    app
      .retryParked()
      .catch((error: unknown) => logger.error({ error: String(error) }, 'it was not'))
  })
  const started = app.start().then(() => undefined)
  // A signal while starting (a slow disk, a long migration) stops as well; a start that fails after
  // it has nobody left to tell.
  started.catch(() => undefined)
  const early = await Promise.race([started, signals.first])
  if (early === undefined) {
    logger.info({ address: app.alsAddress }, 'receiving access logs (gRPC)')
    logger.info({ address: app.httpAddress }, 'serving health, metrics and the API (HTTP)')
    logger.info({ path: resolve(config.store.path) }, 'keeping usage in SQLite')
  }
  const signal = early ?? (await Promise.race([signals.first, app.failed]))
  if (signal instanceof ServiceError && signal.code === 'store_corrupt') {
    logger.error({ path: resolve(config.store.path) }, signal.message)
    // Recordings are closed in order: they may be all that there is of what came last.
    await app.stop()
    throw new Failure(signal.message)
  }
  if (signal instanceof Error) {
    // Nothing can be committed any more: a new process finds the file as of its last commit.
    throw new Failure(`the storage thread has died: ${signal.message}`)
  }
  logger.info({ signal }, 'stopping: draining and committing')
  const { committed, message } = await app.stop()
  if (!committed) throw new Failure(message ?? 'not everything was committed')
  logger.info('stopped, everything is committed')
  signals.close()
}

/** commander's camelCase names of the given flags, back to keys. */
function flagsOf(options: Record<string, string | undefined>): ConfigFlags {
  const given = FLAGS.map(({ flag, key }) => {
    const name = flag.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    return [key, options[name]] as const
  })
  return Object.fromEntries(given.filter(([, text]) => text !== undefined))
}
