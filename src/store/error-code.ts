import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ServiceError } from '../runtime/service-error.ts'

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

/** What went wrong while opening a file, in words that name the file and the way out. */
export function openingError(error: unknown, path: string): ServiceError {
  if (error instanceof ServiceError) return error
  const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException | null)?.code ?? 'unknown'
  const cause = { cause: error }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return new ServiceError(
      'store_corrupt',
      `${path} is damaged or no SQLite file; restore a copy, or move it away and a new one is made`,
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
  if (code.startsWith('SQLITE_CANTOPEN') || code === 'ENOTDIR' || code === 'EEXIST') {
    return new ServiceError(
      'store_cannot_open',
      `${path} cannot be opened or made; does its folder exist, is it a file?`,
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
  const message = error instanceof Error ? error.message : String(error)
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
