import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from './temporary-folder.ts'

const run = promisify(execFile)

/** ClickHouse 26.7 as a library for Node. */
const CHDB_VERSION = '3.4.0'

/** No ClickHouse on this machine and none to be had. */
class ClickHouseUnavailable extends Error {}

/** A ClickHouse in this process, with its data in a temporary folder. A process has one at a time. */
export interface ClickHouse {
  /** Runs a statement; gives the rows of a query, every value as text. */
  query(statement: string): Record<string, string>[]
}

interface Session {
  query(statement: string, format: string): string
  cleanup(): void
}

/**
 * ClickHouse for this test. It is 546 MB, so it is no dependency: it is installed on first use with npm
 * (about 10 s) into `$XDG_CACHE_HOME/snimeter/chdb-<version>`, by default below `~/.cache`. Without it the
 * test is skipped and `undefined` is given; in CI (`CI=true`) the test fails instead.
 */
export async function startClickHouse(t: TestContext): Promise<ClickHouse | undefined> {
  let folder: string
  try {
    folder = await installClickHouse()
  } catch (error) {
    if (!(error instanceof ClickHouseUnavailable) || process.env['CI'] === 'true') throw error
    t.skip(error.message)
    return undefined
  }
  const { Session } = createRequire(join(folder, 'package.json'))('chdb') as {
    Session: new (path: string) => Session
  }
  const session = new Session(join(temporaryFolder(t), 'clickhouse'))
  t.after(() => session.cleanup())
  return {
    query: (statement) =>
      session
        .query(statement, 'JSONStringsEachRow')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  }
}

async function installClickHouse(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'snimeter')
  const folder = join(cache, `chdb-${CHDB_VERSION}`)
  if (await exists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, `chdb-${CHDB_VERSION}-part-`))
  try {
    await writeFile(join(fresh, 'package.json'), '{ "private": true }\n')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
    await run('npm', ['install', '--prefix', fresh, ...options, `chdb@${CHDB_VERSION}`], {
      timeout: INSTALL_TIMEOUT_MS,
    })
    await rename(fresh, folder).catch(async (error: unknown) => {
      // Another process was faster: its copy is as good.
      if (!(await exists(folder))) throw error
    })
    return folder
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClickHouseUnavailable(`ClickHouse could not be installed: ${reason}`, {
      cause: error,
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Longest time for the download; beyond it the network is as good as absent. */
const INSTALL_TIMEOUT_MS = 240_000

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
