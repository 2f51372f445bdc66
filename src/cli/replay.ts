import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { readConfiguration } from './configuration.ts'
import { Failure } from './failure.ts'
import { printable } from './printable.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Surroundings } from './surroundings.ts'

export function addReplay(program: Command, surroundings: Surroundings): void {
  program
    .command('replay')
    .description('count recorded streams (.alscap) into a file, as serve would have')
    .argument('<capture...>', 'capture files, or folders of them; merged by arrival')
    .requiredOption('--db <file>', 'SQLite file to count into; made if it does not exist')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nWhat was already counted adds nothing. A capture that begins before what the file has\nforgotten is refused before anything is written (exit code 1).\n\nExample:\n  snimeter replay --db /tmp/check.db captures/',
    )
    .action((captures: string[], options: { db: string; config?: string }) =>
      replayCaptures(captures, options, surroundings),
    )
}

async function replayCaptures(
  paths: readonly string[],
  options: { readonly db: string; readonly config?: string },
  surroundings: Surroundings,
): Promise<void> {
  const { config } = readConfiguration(surroundings, options.config, { 'store.path': options.db })
  const captures = paths.flatMap(capturesAt)
  const { createLogger } = await import('../telemetry/logger.ts')
  const { replay } = await import('../replay.ts')
  const { stderr, monotonicMs } = surroundings
  const bar = stderr.isTTY === true ? new ProgressBar(stderr, monotonicMs) : undefined
  try {
    const summary = await replay({
      dbPath: options.db,
      captures,
      config,
      logger: createLogger(config.log),
      ...(bar === undefined ? {} : { onProgress: (done, total) => bar.update(done, total) }),
    })
    bar?.clear()
    stderr.write(`${summaryLine(summary, captures.length)}\n`)
  } catch (error) {
    bar?.clear()
    throw error
  }
}

/** A folder stands for its captures, in the order of their names. */
function capturesAt(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new Failure(`the capture ${printable(path)} does not exist`)
  if (!stats.isDirectory()) return [path]
  const found = readdirSync(path).filter((name) => name.endsWith('.alscap'))
  if (found.length === 0) throw new Failure(`the folder ${printable(path)} holds no .alscap file`)
  return found.sort().map((name) => join(path, name))
}

/** `replayed 2 captures: 120 messages, 6,000 entries (12 rejected: 10 uncounted_type, 2 unknown_type)`. */
function summaryLine(
  summary: {
    readonly messages: number
    readonly entries: number
    readonly rejected: Readonly<Record<string, number>>
  },
  captures: number,
): string {
  const reasons = Object.entries(summary.rejected).filter(([, count]) => count > 0)
  const rejected = reasons.reduce((sum, [, count]) => sum + count, 0)
  const listed = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')
  const tail = rejected === 0 ? 'none rejected' : `${rejected} rejected: ${listed}`
  return `replayed ${captures} capture${captures === 1 ? '' : 's'}: ${summary.messages} messages, ${summary.entries} entries (${tail})`
}
