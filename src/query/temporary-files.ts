import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, resolve } from 'node:path'

/**
 * The folder for SQLite's temporary files, where large sorts go: the one that `SQLITE_TMPDIR` names,
 * else the folder of the file (in a container with a read-only root it is the only one that can be
 * written, and it is on a disk), else the system's. Undefined if none can be written: sorts need
 * memory then. SQLite removes the files' names as soon as it has made them, so a killed process leaves none.
 */
export function temporaryFolder(path: string): string | undefined {
  const { SQLITE_TMPDIR: chosen } = process.env
  const candidates = [...(chosen === undefined ? [] : [chosen]), dirname(resolve(path)), tmpdir()]
  return candidates.find(isWritable)
}

/**
 * Has SQLite use that folder in this process. To be called before the first database is opened, on the
 * main thread: threads have a copy of the environment that SQLite does not see.
 */
export function useTemporaryFolder(path: string): void {
  const folder = temporaryFolder(path)
  if (folder !== undefined) process.env['SQLITE_TMPDIR'] = folder
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
