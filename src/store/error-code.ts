import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ServiceError } from '../runtime/service-error.ts'
import { FileAway } from './file-guard.ts'

/** Trouble with the content of one row: the row is set aside, the rest goes on. */
export function isContentError(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true
  return sqliteCode(error)?.startsWith('SQLITE_CONSTRAINT') ?? false
}

/** SQLite's own code of an error (`SQLITE_FULL`, …), undefined if it is not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}

/** What trouble with the file is called: SQLite's code, or that of a file which is not where it was. */
export function troubleCode(error: unknown): string {
  return error instanceof FileAway ? error.code : (sqliteCode(error) ?? 'unknown')
}

/**
 * Codes that no retry helps against: pages of the file are not what they were. Everything else may
 * pass: a full disk (FULL), a read-only mount (READONLY), another program's lock (BUSY, LOCKED), a device
 * or network file system that fails (IOERR), a shortage of memory or descriptors (NOMEM, CANTOPEN).
 */
const DAMAGE = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_IOERR_CORRUPTFS', 'SQLITE_IOERR_DATA']

/** Whether the file is damaged, or another's content was copied over it: it does not heal. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  if (code === undefined) return false
  const isForeign = code === 'SQLITE_ERROR' && /no such (table|column)/.test(String(error))
  return isForeign || DAMAGE.some((damage) => code.startsWith(damage))
}

/** What to do about a file that was found to be damaged while it was open. */
export function damageError(error: unknown, path: string): ServiceError {
  const message = error instanceof Error ? error.message : String(error)
  return new ServiceError(
    'store_corrupt',
    `${path} is damaged (${sqliteCode(error)}: ${message}) and takes nothing any more: restore the newest copy, or save what can be read: sqlite3 ${path} .recover | sqlite3 new.db. What was recorded since (--record) can be replayed into it. See "A damaged file" in docs/operations.md`,
    { cause: error },
  )
}

/** An older copy was written over the open file: what was committed since is gone, and is not missed silently. */
export function overwrittenError(path: string): ServiceError {
  return new ServiceError(
    'store_corrupt',
    `${path} was overwritten while it was open: it holds an earlier state than was committed. Stop every program that writes it, check it (sqlite3 ${path} 'PRAGMA integrity_check'), and start again. See "A damaged file" in docs/operations.md`,
  )
}

/** What a system calls a path that no file can be made at. */
const NO_PLACE = [
  'ENOTDIR',
  'EEXIST',
  'EISDIR',
  'ENOENT',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
]

/** What went wrong while opening a file, in words that name the file and the way out. */
export function openingError(error: unknown, path: string): ServiceError {
  if (error instanceof ServiceError) return error
  const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException | null)?.code ?? 'unknown'
  const cause = { cause: error }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return new ServiceError(
      'store_corrupt',
      `${path} is damaged or no SQLite file; restore a copy, move it away and a new one is made, or change store.path`,
      cause,
    )
  }
  if (
    code.startsWith('SQLITE_READONLY') ||
    code === 'EROFS' ||
    code === 'EACCES' ||
    // What a missing file or folder is called when it cannot be made.
    ((code.startsWith('SQLITE_CANTOPEN') || code === 'ENOENT') && !isWritable(dirname(path)))
  ) {
    return new ServiceError(
      'store_read_only',
      `${path} cannot be written; mount its folder writable or change store.path`,
      cause,
    )
  }
  const message = error instanceof Error ? error.message : String(error)
  if (code.startsWith('SQLITE_CANTOPEN') || NO_PLACE.includes(code)) {
    return new ServiceError(
      'store_cannot_open',
      `${path} cannot be opened or made (${message}); is it a file, in a folder where files can be made? Else change store.path`,
      cause,
    )
  }
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') {
    return new ServiceError('store_full', `no space left for ${path}; make room on its disk`, cause)
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new ServiceError(
      'store_busy',
      `${path} is being written by another program (not snimeter); stop it and start again`,
      cause,
    )
  }
  return new ServiceError('store_failed', `${path} cannot be used: ${message}`, cause)
}

/** Whether files can be made in a folder, or in the nearest one above it that there is. */
function isWritable(folder: string): boolean {
  let nearest = resolve(folder)
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest)
  try {
    accessSync(nearest, constants.W_OK)
    return true
  } catch {
    return false
  }
}
