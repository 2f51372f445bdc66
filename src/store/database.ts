import { randomUUID } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { APPLICATION_ID } from '../runtime/application-id.ts'
import { makePrivate, restrictMode } from '../runtime/private-file.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { sqliteCode } from './error-code.ts'
import { LEDGER } from './migrations/0001-ledger.ts'
import { OUTBOX } from './migrations/0002-outbox.ts'
import { HOPS } from './migrations/0003-hops.ts'
import { ownIds } from './migrations/0004-owned-ids.ts'
import { RECEIVER_GAPS } from './migrations/0005-receiver-gaps.ts'
import { INVALID_SNIS } from './migrations/0006-invalid-snis.ts'
import { CLOCK } from './migrations/0007-clock.ts'
import { CONNECTION_AGE } from './migrations/0008-connection-age.ts'
import { OTHER_NODE } from './migrations/0009-other-node.ts'
import { NAMED_SINCE } from './migrations/0010-named-since.ts'
import { SINK_LIVES } from './migrations/0011-sink-lives.ts'
import { HOURS } from './migrations/0012-hours.ts'
import { SINK_TOPIC } from './migrations/0013-sink-topic.ts'
import { PODS } from './migrations/0014-pods.ts'
import { INTERNAL_VIEWS, VIEWS } from './views.ts'

/** Forward only; the file's `user_version` is how many it has. */
const MIGRATIONS: readonly Migration[] = [
  LEDGER,
  OUTBOX,
  HOPS,
  ownIds,
  RECEIVER_GAPS,
  INVALID_SNIS,
  CLOCK,
  CONNECTION_AGE,
  OTHER_NODE,
  NAMED_SINCE,
  SINK_LIVES,
  HOURS,
  SINK_TOPIC,
  PODS,
]

/** SQL, or what SQL alone cannot do; runs in a transaction. */
type Migration = string | ((database: Database.Database) => void)

/** Opens a file for its one writer: makes or migrates it. Throws ServiceErrors and SQLite's errors. */
export function openDatabase(path: string): Database.Database {
  makePrivate(path)
  const database = new Database(path, { timeout: 1000 })
  try {
    prepare(database, path)
    // SQLite gives its log the rights of the database. One of before may have had more.
    const real = realpathSync(path)
    for (const end of ['', '-wal', '-shm']) restrictMode(real + end)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Throws what `openDatabase` would throw of a path that holds something else: before anything, a lock file too,
 * is made beside it. Whatever else is wrong is left to `openDatabase`.
 */
export function refuseOther(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isFile()) {
    throw Object.assign(new Error(`${path} is no regular file`), { code: 'EEXIST' })
  }
  try {
    // A read-only connection leaves a log that it made; another one folds a log that it found into the file.
    const readonly = existsSync(`${realpathSync(path)}-wal`)
    const database = new Database(path, { readonly, fileMustExist: true, timeout: 1000 })
    try {
      refuseForeign(database, path)
    } finally {
      database.close()
    }
  } catch (error) {
    if (error instanceof ServiceError || sqliteCode(error) === 'SQLITE_NOTADB') throw error
  }
}

function refuseForeign(database: Database.Database, path: string): void {
  const applicationId = database.pragma('application_id', { simple: true })
  const tables = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number
  if (applicationId !== APPLICATION_ID && (applicationId !== 0 || tables > 0)) {
    throw new ServiceError(
      'store_foreign',
      `${path} is a SQLite file of another program; choose another store.path`,
    )
  }
  const version = schemaOf(database)
  if (version > MIGRATIONS.length) {
    throw new ServiceError(
      'store_newer',
      `${path} was written by a newer snimeter (schema ${version}, this one knows ${MIGRATIONS.length}); run that one`,
    )
  }
}

const schemaOf = (database: Database.Database): number =>
  database.pragma('user_version', { simple: true }) as number

function prepare(database: Database.Database, path: string): void {
  refuseForeign(database, path)
  const version = schemaOf(database)
  // Readers never block the writer, nor the writer them; one file is appended, then copied back.
  database.pragma('journal_mode = WAL')
  // A commit survives a power cut: what was acknowledged to the ledger must not come back unsaid.
  database.pragma('synchronous = FULL')
  // 64 MiB: the pages that a commit touches stay in memory between commits.
  database.pragma('cache_size = -65536')
  // Sorting for the views' GROUP BY needs no files beside the database.
  database.pragma('temp_store = MEMORY')
  // Copy back every 8 MB: a longer WAL makes fewer, longer checkpoints.
  database.pragma('wal_autocheckpoint = 2000')
  // A WAL that a long read made large is cut back to 64 MiB once that has ended.
  database.pragma('journal_size_limit = 67108864')
  // Nothing is written to a file that is as it should be: it opens on a full disk, too.
  if (version === MIGRATIONS.length && changedViews(database).length === 0) return
  const migrate = database.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) {
      if (typeof migration === 'string') database.exec(migration)
      else migration(database)
    }
    if (version === 0) firstRows(database)
    database.pragma(`application_id = ${APPLICATION_ID}`)
    database.pragma(`user_version = ${MIGRATIONS.length}`)
    for (const [name, sql] of changedViews(database)) {
      database.exec(`DROP VIEW IF EXISTS ${name}; ${sql};`)
    }
  })
  migrate.immediate()
}

function firstRows(database: Database.Database): void {
  database
    .prepare(`
      INSERT INTO ledger (id, ledger_id, sequence, ledger_ms, newest_ms, minutes_from_ms,
                          newest_start_ms, forgotten_before_ms, saturated)
      VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0)`)
    .run(randomUUID())
}

/** Views belong to the program, not to the file: they are made anew when they are not the same. */
function changedViews(database: Database.Database): [name: string, sql: string][] {
  const known = database
    .prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?")
    .pluck()
  return Object.entries({ ...INTERNAL_VIEWS, ...VIEWS })
    .map(([name, sql]): [string, string] => [name, sql.trim().replace(/;$/, '')])
    .filter(([name, sql]) => known.get(name) !== sql)
}
