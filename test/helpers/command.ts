import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a command under test: this one's, without what would configure snimeter. */
export function cleanEnvironment(
  extra: Readonly<Record<string, string>> = {},
): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SNIMETER_'))
  return { ...Object.fromEntries(inherited), ...extra }
}

/** Starts `snimeter …` as a process of its own; with `openFiles`, its limit of file descriptors. */
export function spawnCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  openFiles?: number,
): ChildProcess {
  const command = [process.execPath, MAIN, ...args]
  const limited = ['sh', '-c', `ulimit -n ${openFiles}; exec "$@"`, 'sh', ...command]
  const [program = '', ...rest] = openFiles === undefined ? command : limited
  return spawn(program, rest, {
    cwd: PROJECT,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs `snimeter …` to its end. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = spawnCommand(args, env)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, ...output }
}

/** The rows of `query --format csv`, as objects by column. Names in these tests need no quotes. */
export function parseCsv(text: string): Record<string, string>[] {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/)
  const columns = (header ?? '').split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']))
  })
}
