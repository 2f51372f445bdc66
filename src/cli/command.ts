import { Command, CommanderError } from 'commander'
import { packageVersion } from '../runtime/version.ts'
import { addCheckConfig } from './check-config.ts'
import { addConnections } from './connections.ts'
import { addDemo } from './demo.ts'
import { addDoctor } from './doctor.ts'
import { ExitCode, Failure } from './failure.ts'
import { addHealthcheck } from './healthcheck.ts'
import { addMeshConfig } from './mesh-config.ts'
import { addPrintConfig } from './print-config.ts'
import { addPrintSchema } from './print-schema.ts'
import { printable } from './printable.ts'
import { addQuery } from './query.ts'
import { addReplay } from './replay.ts'
import { addRepublish } from './republish.ts'
import { addServe } from './serve.ts'
import { addSinks } from './sinks.ts'
import type { Surroundings } from './surroundings.ts'
import { addTop } from './top.ts'
import { addVersion } from './version.ts'

/**
 * Runs one command and gives its exit code; every end is told on stderr first. Never throws for
 * what a command met: a file, an address, a server.
 *
 * @param argv what follows the program's name
 */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  try {
    await buildProgram(surroundings).parseAsync(argv, { from: 'user' })
    return ExitCode.ok
  } catch (error) {
    // commander has written its own message; --help and --version end here too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
    surroundings.stderr.write(`snimeter: ${messageOf(error)}\n`)
    return error instanceof Failure ? error.exitCode : ExitCode.failed
  }
}

function buildProgram(surroundings: Surroundings): Command {
  const { stdout, stderr } = surroundings
  const program = new Command('snimeter')
    .description("Exact bytes per SNI and workload, from Envoy's access log over gRPC.")
    .version(packageVersion(), '--version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n`doctor` exits with 1 for findings, and with 3 where it gets no answer.\nData is written to stdout, everything else to stderr.\n\nExample:\n  snimeter serve --db data/snimeter.db',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // Arguments are echoed in messages.
      writeErr: (text) => stderr.write(text.split('\n').map(printable).join('\n')),
    })
  // Subcommands inherit what is set above; so they come last.
  for (const add of [
    addServe,
    addReplay,
    addQuery,
    addTop,
    addConnections,
    addSinks,
    addRepublish,
    addCheckConfig,
    addPrintConfig,
    addPrintSchema,
    addMeshConfig,
    addDoctor,
    addHealthcheck,
    addVersion,
    addDemo,
  ]) {
    add(program, surroundings)
  }
  return program
}

/**
 * One line for what can be expected: our failures, and errors of the system, of SQLite and of the
 * parts of this program, which all carry a `code`. Anything else is a bug, and its stack is told.
 */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error))
  if (error instanceof Failure) return error.message
  if ('code' in error && typeof error.code === 'string') return printable(error.message)
  return error.stack ?? error.message
}
