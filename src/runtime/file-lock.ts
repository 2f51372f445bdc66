import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'

/**
 * The right to write a file (or folder): held by one process at a time, and gone with the process however it dies.
 * It is an exclusive SQLite transaction on an empty file beside it, so it is a lock of the operating
 * system (a pid file would outlive a kill -9) and also keeps two writers in one process apart.
 */
export class FileLock {
  readonly #database: Database.Database

  /** Makes the file's folder and takes the lock, or throws what `held` gives if somebody has it. */
  constructor(path: string, held: (cause: unknown) => Error) {
    mkdirSync(dirname(path), { recursive: true })
    this.#database = new Database(`${realPath(path)}.lock`, { timeout: 0 })
    try {
      this.#database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      this.#database.close()
      const { code } = error as { code?: unknown }
      if (!String(code).startsWith('SQLITE_BUSY')) throw error
      throw held(error)
    }
  }

  release(): void {
    this.#database.close()
  }
}

/** SQLite follows symbolic links: the lock must be the same whatever the file is called. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path))
}
