import { readFileSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../runtime/application-id.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { temporaryFolder, useTemporaryFolder } from './temporary-files.ts'

/** A larger file is not read into memory. */
const MAX_IN_MEMORY = 1024 ** 3

/**
 * Opens a file to read: one that a server is writing, or a copy, also a copy without its WAL in a
 * folder that cannot be written. Integers come as bigint. Throws ServiceErrors: `no_file`,
 * `not_a_snimeter_file`.
 */
export function openReader(path: string): Database.Database {
  useTemporaryFolder(path)
  const database = open(path)
  if (isOurs(database)) {
    database.defaultSafeIntegers()
    // Where no folder can be written SQLite would fail to sort.
    if (temporaryFolder(path) === undefined) database.pragma('temp_store = MEMORY')
    return database
  }
  database.close()
  throw new ServiceError('not_a_snimeter_file', `${path} is no snimeter file`)
}

function open(path: string): Database.Database {
  try {
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 2000 })
    try {
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
      return database
    } catch (error) {
      database.close()
      if (!/^SQLITE_(CANTOPEN|READONLY)/.test(codeOf(error) ?? '')) throw error
    }
    return openImmutable(path)
  } catch (error) {
    throw readerError(error, path)
  }
}

/**
 * A reader of a WAL-mode file makes a shared-memory file beside it. Where the folder does not allow
 * that nobody else writes there either: the file's bytes are read into memory, marked as not in WAL
 * mode (bytes 18 and 19 of the header: file format read and write version). Without its WAL they
 * would be yesterday's totals, so a file that has one is refused.
 */
function openImmutable(path: string): Database.Database {
  const walBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (walBytes > 0 || statSync(path).size > MAX_IN_MEMORY) {
    throw new ServiceError(
      'no_file',
      `${path} cannot be read in a folder that cannot be written; copy it, with ${path}-wal if there is one, to a folder that can`,
    )
  }
  const bytes = readFileSync(path)
  bytes[18] = 1
  bytes[19] = 1
  return new Database(bytes, { readonly: true })
}

function isOurs(database: Database.Database): boolean {
  return database.pragma('application_id', { simple: true }) === APPLICATION_ID
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code
}

function readerError(error: unknown, path: string): ServiceError {
  if (error instanceof ServiceError) return error
  const code = codeOf(error)
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT') {
    return new ServiceError('not_a_snimeter_file', `${path} is damaged or no SQLite file`, {
      cause: error,
    })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new ServiceError('no_file', `${path} cannot be read: ${message}`, { cause: error })
}
