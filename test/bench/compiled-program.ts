import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The program as it is shipped, compiled into a folder of its own: running the sources would add what
 * strips their types to the memory (38 MB). Returns the path of its main module; the folder is gone when
 * this process exits.
 */
export function compileProgram(): string {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-dist-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const project = join(root, 'tsconfig.build.json')
  execFileSync(join(root, 'node_modules/.bin/tsc'), [
    '-p',
    project,
    '--outDir',
    join(folder, 'dist'),
  ])
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  for (const name of ['node_modules', 'schemas']) symlinkSync(join(root, name), join(folder, name))
  return join(folder, 'dist/main.js')
}

/** Node's options as `npm start` gives them: part of what is shipped. */
export function shippedOptions(): string[] {
  const text = readFileSync(join(root, 'package.json'), 'utf8')
  const { scripts } = JSON.parse(text) as { scripts: { start: string } }
  return scripts.start.split(' ').filter((word) => word.startsWith('--'))
}
