import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { type KubeObject, nameOf } from './documents.ts'

const REQUIREMENT = 'kubernetes-validate==1.37.0'

/** What the oldest Istio we support runs on (1.27: Kubernetes 1.29), and the newest there is. */
export const KUBERNETES_VERSIONS = ['1.29', '1.37'] as const

interface Finished {
  readonly code: number
  readonly output: string
}

/** Runs a program to its end; rejects if it could not be started. */
async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { env: { ...process.env, ...env }, timeout: 180_000, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        const output = stdout + stderr
        if (error === null) resolve({ code: 0, output })
        else if (typeof error.code === 'number') resolve({ code: error.code, output })
        else reject(error)
      },
    )
  })
}

/**
 * The folder that holds the validator (PyPI `kubernetes-validate`, with the schemas of every release),
 * installed on first use into the user's cache. Without Python or its registry the test is skipped and
 * `undefined` is given; in CI (`CI=true`) it fails.
 */
export async function kubernetesValidator(t: TestContext): Promise<string | undefined> {
  try {
    return await install()
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    t.skip(`${REQUIREMENT} could not be installed: ${String(error)}`)
    return undefined
  }
}

async function install(): Promise<string> {
  const python = await run('python3', ['-c', 'import sys; print(*sys.version_info[:2], sep=".")'])
  if (python.code !== 0) throw new Error(python.output)
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const cache = join(base, 'snimeter')
  // One of its dependencies is compiled for one Python.
  const folder = join(cache, `${REQUIREMENT.replace('==', '-')}-python${python.output.trim()}`)
  if (await exists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(`${folder}-part-`)
  try {
    const pip = ['-m', 'pip', 'install', '--no-input', '--quiet', '--target', fresh, REQUIREMENT]
    const { code, output } = await run('python3', pip)
    if (code !== 0) throw new Error(output)
    await rename(fresh, folder).catch(async (error: unknown) => {
      // Somebody else was faster: theirs is as good.
      if (!(await exists(folder))) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/**
 * What the schemas of a Kubernetes release say against objects, unknown fields included. Kinds that
 * Kubernetes does not bring are a problem too: give only its own.
 */
export async function kubernetesProblems(
  validator: string,
  version: string,
  objects: readonly KubeObject[],
  folder: string,
): Promise<string[]> {
  const file = join(folder, 'objects.yaml')
  await writeFile(file, objects.map((object) => stringify(object)).join('---\n'))
  const args = ['-m', 'kubernetes_validate', '--strict', '-k', version, file]
  const { code, output } = await run('python3', args, { PYTHONPATH: validator })
  const lines = output.split('\n').filter((line) => line !== '')
  const passed = lines.filter((line) => line.startsWith('INFO'))
  const problems = lines.filter((line) => !line.startsWith('INFO'))
  if (problems.length === 0 && (code !== 0 || passed.length !== objects.length)) {
    throw new Error(`${passed.length} of ${objects.map(nameOf).join(', ')} passed: ${output}`)
  }
  return problems
}
