import { type BigIntStats, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** The file is not where it was opened: what is written now is lost with the process. It can come back. */
export class FileAway extends Error {
  readonly code: 'store_file_removed' | 'store_file_moved' | 'store_file_replaced'

  constructor(code: FileAway['code'], message: string) {
    super(message)
    this.name = 'FileAway'
    this.code = code
  }
}

/**
 * Knows an open database by device and inode, and looks whether its path still leads to it. SQLite keeps
 * writing to a file that was removed, moved or replaced, and says nothing: everything is "committed",
 * into a file that nobody can open. Its log and the index of that count as well.
 */
export class FileGuard {
  readonly #path: string
  readonly #real: string
  readonly #watched: Watched[]

  /** `path` is open, by whichever name (symbolic links are followed). Throws if it cannot be looked at. */
  constructor(path: string) {
    this.#path = resolve(path)
    // SQLite puts these beside the file that a link leads to.
    const real = realpathSync(path)
    this.#real = real
    this.#watched = [
      { path: this.#path, what: 'the database', identity: identityOf(this.#path) },
      { path: `${real}-wal`, what: 'its write-ahead log', identity: undefined },
      { path: `${real}-shm`, what: 'the index of its write-ahead log', identity: undefined },
    ]
  }

  /** Throws `FileAway`, with what happened and what to do, unless every file is where it was. */
  check(): void {
    for (const watched of this.#watched) {
      const { path, identity } = watched
      const now = identityOf(path)
      // The log is made at the first use.
      if (identity === undefined) watched.identity = now
      else if (now === undefined || !isSame(now, identity)) throw this.#away(watched, now)
    }
  }

  /** Whether the log beside the database is another database's: closing ours would delete it. */
  get isLogForeign(): boolean {
    const [, log] = this.#watched
    if (log?.identity === undefined) return false
    const now = identityOf(log.path)
    return now !== undefined && !isSame(now, log.identity)
  }

  #away({ path, what, identity }: Watched, now: BigIntStats | undefined): FileAway {
    const keeps = 'nothing is committed, what arrives is kept in memory'
    const place = identity === undefined ? undefined : placeOf(identity)
    // A link that leads elsewhere, or nowhere: the file itself is where it was.
    const isThere = place === path || place === this.#real
    if (place !== undefined && !isThere && !place.endsWith(' (deleted)')) {
      return new FileAway(
        'store_file_moved',
        `${what} ${path} was moved to ${place}: ${keeps}; move it back, and commits go on`,
      )
    }
    if (now !== undefined) {
      return new FileAway(
        'store_file_replaced',
        `${what} ${path} was replaced by another file: ${keeps}; put the first one back, or stop (what is in memory is lost then) and start on the new one`,
      )
    }
    return new FileAway(
      'store_file_removed',
      `${what} ${path} was removed, or its folder: ${keeps}; put it back, or stop (what is in memory is lost then)`,
    )
  }
}

interface Watched {
  readonly path: string
  readonly what: string
  identity: BigIntStats | undefined
}

function identityOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino
}

/** Where an open file is now, by the kernel's list of this process's files; undefined where there is none. */
function placeOf(identity: BigIntStats): string | undefined {
  const folder = '/proc/self/fd'
  try {
    for (const name of readdirSync(folder)) {
      const open = identityOf(`${folder}/${name}`)
      if (open !== undefined && isSame(open, identity)) return readlinkSync(`${folder}/${name}`)
    }
  } catch {
    // No such list on this system: then it is gone, wherever it is.
  }
  return undefined
}
