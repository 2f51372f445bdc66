import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { makeFolder, makePrivate, restrictMode } from './private-file.ts'

/**
 * The right to write a file (or folder): held by one process at a time, and gone with the process however it dies.
 * It is an exclusive SQLite transaction on an empty file beside it, so it is a lock of the operating
 * system (a pid file would outlive a kill -9) and also keeps two writers in one process apart.
 */
export class FileLock {
  readonly #path: string
  readonly #held: (cause: unknown) => Error
  #database: Database.Database
  #inode: bigint | undefined

  /** Makes the file's folder and takes the lock, or throws what `held` gives if somebody has it. */
  constructor(path: string, held: (cause: unknown) => Error) {
    makeFolder(dirname(path))
    this.#path = `${realPath(path)}.lock`
    this.#held = held
    this.#database = this.#take()
    this.#inode = inodeOf(this.#path)
  }

  /**
   * Takes the lock again if its file was removed or replaced: another process could have it then, and
   * if it does, throws what `held` gives. Nothing while the folder is gone.
   */
  renew(): void {
    if (inodeOf(this.#path) === this.#inode || !existsSync(dirname(this.#path))) return
    const database = this.#take()
    this.#database.close()
    this.#database = database
    this.#inode = inodeOf(this.#path)
  }

  release(): void {
    this.#database.close()
  }

  #take(): Database.Database {
    makePrivate(this.#path)
    const database = new Database(this.#path, { timeout: 0 })
    restrictMode(this.#path)
    try {
      database.exec('BEGIN EXCLUSIVE')
      return database
    } catch (error) {
      database.close()
      const { code } = error as { code?: unknown }
      if (!String(code).startsWith('SQLITE_BUSY')) throw error
      throw this.#held(error)
    }
  }
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}

/** SQLite follows symbolic links: the lock must be the same whatever the file is called. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path))
}
