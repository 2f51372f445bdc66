import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** `main.ts` beside us, or `main.js` after a build: which of the two, our own name says. */
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url),
)

/** Starts `snimeter …` as a process of its own. */
export function spawnOwnCommand(
  args: readonly string[],
  stdio: StdioOptions,
  env: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio, env })
}

/** Runs `snimeter …` to its end, on our terminal; resolves with its exit code. */
export async function runOwnCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number | null> {
  const child = spawnOwnCommand(args, 'inherit', env)
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
}
