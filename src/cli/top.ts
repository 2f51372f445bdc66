import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Units } from './amount.ts'
import { pauseOption, rowCount, unitsOption } from './arguments.ts'
import { readConfiguration } from './configuration.ts'
import { LiveScreen } from './live-screen.ts'
import { serverUrl } from './server-api.ts'
import { type Surroundings, terminalWidth } from './surroundings.ts'
import { type Look, look } from './top-poll.ts'
import { TopRates } from './top-rates.ts'
import { type TopScreen, topLines } from './top-view.ts'

export interface TopOptions {
  /** Base URL of a running server. */
  readonly url: string
  readonly intervalMs: number
  /** Span that rates are taken over. */
  readonly overMs: number
  /** Of bytes (default GiB). */
  readonly units?: Units
  /** Rows shown; undefined = as many as the terminal has room for. */
  readonly limit?: number | undefined
  /** Print one table (after two looks) and end, as on a stdout that is no terminal. */
  readonly once: boolean
  /** Ends a live `top`, as `q` does. */
  readonly signal?: AbortSignal
}

interface TopArguments {
  readonly url?: string
  readonly config?: string
  readonly interval: number
  readonly over: number
  readonly limit?: number
  readonly once?: boolean
  readonly units: Units
}

export function addTop(program: Command, surroundings: Surroundings): void {
  program
    .command('top')
    .description('live table of a running server: rates, totals, connections')
    .option('--url <url>', 'of the server (default: where http.listen says)')
    .addOption(pauseOption('--interval <duration>', 'time between two looks', '2s'))
    .addOption(pauseOption('--over <duration>', 'span that rates are taken over', '10s'))
    .option('--limit <rows>', 'rows to show (default: what fits)', rowCount)
    .addOption(unitsOption())
    .option('--once', 'print one table and end (as without a terminal)')
    .option('--config <file>', 'YAML file (default: SNIMETER_CONFIG)')
    .addHelpText(
      'after',
      '\nKeys: q or Ctrl-C quits. Envoys report open connections once per flush interval: where that is\n30 s, take rates over a minute.\n\nExample:\n  snimeter top --over 1m',
    )
    .action(({ url, config, interval, over, limit, once, units }: TopArguments) =>
      runTop(
        {
          url: serverUrl(url, readConfiguration(surroundings, config).config),
          intervalMs: interval,
          overMs: over,
          limit,
          units,
          once: once === true,
        },
        surroundings,
      ),
    )
}

/** Runs until `q`, Ctrl-C, SIGTERM or the signal; the terminal is restored whatever happens. */
export async function runTop(options: TopOptions, surroundings: Surroundings): Promise<void> {
  if (options.once || surroundings.stdout.isTTY !== true) return printOnce(options, surroundings)
  return live(options, surroundings)
}

async function printOnce(options: TopOptions, surroundings: Surroundings): Promise<void> {
  const { stdout, monotonicMs } = surroundings
  const rates = new TopRates(options.overMs)
  rates.add((await look(options.url, monotonicMs, options.signal)).snapshot)
  await sleep(options.intervalMs, undefined, options.signal && { signal: options.signal })
  const latest = await look(options.url, monotonicMs, options.signal)
  rates.add(latest.snapshot)
  const rows = options.limit ?? Number.POSITIVE_INFINITY
  for (const line of topLines(
    screenOf(latest, rates, options.units),
    rows,
    terminalWidth(stdout),
  )) {
    stdout.write(`${line}\n`)
  }
}

/** Rows that the header, a blank line and the titles take. */
const HEADER_ROWS = 4

async function live(options: TopOptions, surroundings: Surroundings): Promise<void> {
  const quit = new AbortController()
  const stop = () => quit.abort()
  const rates = new TopRates(options.overMs)
  // The first look before the screen changes: "nobody answers" belongs on the ordinary screen.
  let latest = await look(options.url, surroundings.monotonicMs, options.signal)
  rates.add(latest.snapshot)
  const draw = () => {
    const { rows, columns } = screen.size
    const room = Math.max(1, rows - HEADER_ROWS)
    screen.draw(
      topLines(
        screenOf(latest, rates, options.units),
        Math.min(room, options.limit ?? room),
        columns,
      ),
    )
  }
  const screen = new LiveScreen(surroundings, { quit: stop, resized: draw })
  options.signal?.addEventListener('abort', stop)
  process.on('SIGTERM', stop).on('SIGINT', stop)
  try {
    screen.open()
    draw()
    while (await passes(options.intervalMs, quit.signal)) {
      latest = await lookAgain(latest, options.url, surroundings.monotonicMs, quit.signal)
      if (latest.header.trouble === undefined) rates.add(latest.snapshot)
      draw()
    }
  } finally {
    screen.close()
    process.off('SIGTERM', stop).off('SIGINT', stop)
    options.signal?.removeEventListener('abort', stop)
  }
}

/** True when the time has passed, false as soon as the signal says stop. */
async function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal })
    return true
  } catch {
    return false
  }
}

/** The next look; while nobody answers (a restart), the last one with the reason in its header. */
async function lookAgain(
  latest: Look,
  url: string,
  monotonicMs: () => number,
  signal: AbortSignal,
): Promise<Look> {
  try {
    return await look(url, monotonicMs, signal)
  } catch (error) {
    const trouble = error instanceof Error ? error.message : String(error)
    return { ...latest, header: { ...latest.header, trouble } }
  }
}

function screenOf(
  { header, groupTitles, rows, totalRows }: Look,
  rates: TopRates,
  units: Units = 'GiB',
): TopScreen {
  return {
    header,
    groupTitles,
    rows: rows.map((row) => ({ ...row, rate: rates.of(row.key) })),
    all: rates.all,
    totalRows,
    units,
  }
}
