import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { ServiceError } from '../runtime/service-error.ts'
import { queryConnections } from './connections.ts'
import { queryHiddenHops } from './hidden-hops.ts'
import { type Page, pageAsText, wholePage } from './page.ts'
import type { QueryAnswer, QueryQuestion, QueryRequest } from './query-request.ts'
import { openReader } from './reader.ts'
import { queryTotals } from './totals.ts'
import { whyNoConnections, whyNoTotals } from './why-empty.ts'

/** The thread of a reading process: answers one question at a time. */
if (parentPort === null) throw new Error('reader-thread runs as a worker thread only')
const port = parentPort
const { path } = workerData as { readonly path: string }
let opened: { readonly database: Database.Database; readonly file: string } | undefined

/** The file that the path names now: it may have been replaced since the last question. */
function current(): Database.Database {
  const { dev, ino } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? {}
  const file = `${dev}:${ino}`
  if (opened !== undefined && opened.file !== file) {
    opened.database.close()
    opened = undefined
  }
  opened ??= { database: openReader(path), file }
  return opened.database
}

function answer({ request, sortOnDisk }: QueryQuestion): QueryAnswer {
  try {
    const database = current()
    database.pragma(`temp_store = ${sortOnDisk ? 'FILE' : 'MEMORY'}`)
    return { json: Buffer.from(JSON.stringify(pageAsText(valueOf(database, request)))) }
  } catch (error) {
    return { failure: failureOf(error) }
  }
}

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ServiceError) return { code: error.code, message }
  const { code } = error as { readonly code?: unknown }
  if (code === 'SQLITE_FULL' || code === 'SQLITE_NOMEM' || code === 'SQLITE_TOOBIG') {
    return { code: 'query_too_large', message: `no room to sort the answer: ${message}` }
  }
  return { code: 'query_failed', message }
}

function valueOf(database: Database.Database, request: QueryRequest): Page {
  if (request.kind === 'totals') {
    const page = queryTotals(database, request.query)
    return page.totalRows > 0 ? page : { ...page, whyEmpty: whyNoTotals(database, request.query) }
  }
  if (request.kind === 'connections') {
    const page = queryConnections(database, request.query)
    if (page.totalRows > 0) return page
    return { ...page, whyEmpty: whyNoConnections(database, request.query) }
  }
  return wholePage(queryHiddenHops(database, request.nowMs, request.flushIntervalMs), ['hop_bytes'])
}

port.on('message', (question: QueryQuestion) => port.postMessage(answer(question)))
