import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { DEPLOY } from './documents.ts'

const VERSION = 'v3.21.4'
const execute = promisify(execFile)

/** The chart below `deploy`. */
export const CHART = join(DEPLOY, 'helm', 'snimeter')

/** Files of the chart that its default output does not depend on. */
const WITHOUT_EFFECT = /^(?:values\.schema\.json|templates\/(?:monitoring\/.*|NOTES\.txt))$/

/** A number for all that the chart's default output depends on. */
export function chartDigest(): string {
  const hash = createHash('sha256')
  const files = readdirSync(CHART, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(CHART, join(entry.parentPath, entry.name)))
    .filter((path) => !WITHOUT_EFFECT.test(path))
    .sort()
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(CHART, file)))
  return hash.digest('hex')
}

/**
 * Path of a Helm: the one on PATH, or the one in the user's cache, which `SNIMETER_BUILD_HELM=1` builds
 * from its Go module first (minutes, once). Without one the test is skipped and `undefined` is given.
 */
export async function realHelm(t: TestContext): Promise<string | undefined> {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const folder = join(base, 'snimeter', `helm-${VERSION}`)
  const cached = join(folder, 'helm')
  if (process.env['SNIMETER_BUILD_HELM'] === '1' && !(await runs(cached))) await build(folder)
  for (const candidate of ['helm', cached]) if (await runs(candidate)) return candidate
  t.skip('no helm on this machine (SNIMETER_BUILD_HELM=1 builds one into the cache)')
  return undefined
}

async function runs(helm: string): Promise<boolean> {
  return execute(helm, ['version', '--short']).then(
    () => true,
    () => false,
  )
}

async function build(folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true })
  const fresh = await mkdtemp(`${folder}-part-`)
  try {
    const env = { ...process.env, GOBIN: fresh }
    await execute('go', ['install', `helm.sh/helm/v3/cmd/helm@${VERSION}`], { env })
    await access(join(fresh, 'helm'))
    await rename(fresh, folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/**
 * What `helm template` makes of the chart for a release called snimeter in the namespace snimeter.
 * Rejects with Helm's own words if it refuses.
 */
export async function template(
  helm: string,
  values: readonly string[] = [],
  chart = CHART,
): Promise<string> {
  // A Helm that is built from its module says Kubernetes 1.20 by default.
  const args = ['template', 'snimeter', chart, '-n', 'snimeter', '--kube-version', '1.33.0']
  const { stdout } = await execute(helm, [...args, ...values], { maxBuffer: 16 * 2 ** 20 })
  return stdout
}

/** `helm lint`: rejects if it finds an error or a warning. */
export async function lint(helm: string, values: readonly string[] = []): Promise<string> {
  const args = ['lint', '--strict', CHART, '--kube-version', '1.33.0', ...values]
  const { stdout } = await execute(helm, args)
  return stdout
}
