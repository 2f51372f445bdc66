import { readFileSync } from 'node:fs'
import { loadConfig, type Settings } from '../config/load.ts'
import type { OptionKey } from '../config/options.ts'
import { formatProblem } from '../config/problem.ts'
import type { Config } from '../config.ts'
import { usageFailure } from './failure.ts'
import { printable } from './printable.ts'
import type { Surroundings } from './surroundings.ts'

export type ConfigFlags = Readonly<Partial<Record<OptionKey, string>>>

/**
 * The configuration of a command: flags over environment over file over defaults. The file is the
 * one of `--config`, else of SNIMETER_CONFIG, else none. Whatever is wrong ends the command with
 * exit code 2 and every problem on a line; warnings go to stderr. `file` is the name of the file read.
 */
export function readConfiguration(
  surroundings: Surroundings,
  path: string | undefined,
  flags: ConfigFlags = {},
): { readonly config: Config; readonly settings: Settings; readonly file: string | undefined } {
  const { env } = surroundings
  const name = path ?? (env['SNIMETER_CONFIG'] || undefined)
  const file = name === undefined ? undefined : { name, text: readFile(name) }
  const loaded = loadConfig({ file, env, flags })
  if ('problems' in loaded) {
    const { length } = loaded.problems
    const lines = loaded.problems.map((problem) => `\n  ${printable(formatProblem(problem))}`)
    const what = length === 1 ? 'a problem' : `${length} problems`
    throw usageFailure(`the configuration has ${what}:${lines.join('')}`)
  }
  for (const warning of loaded.warnings) {
    surroundings.stderr.write(`snimeter: warning: ${printable(warning)}\n`)
  }
  return { ...loaded, file: name }
}

function readFile(name: string): string {
  try {
    return readFileSync(name, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageFailure(
      `the configuration file ${printable(name)} cannot be read (${printable(reason)}); give a readable file with --config or SNIMETER_CONFIG`,
    )
  }
}
