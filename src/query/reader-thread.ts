import { parentPort, workerData } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { ServiceError } from '../runtime/service-error.ts'
import { queryConnections } from './connections.ts'
import { queryHiddenHops } from './hidden-hops.ts'
import type { QueryAnswer, QueryRequest } from './query-service.ts'
import { openReader } from './reader.ts'
import { queryTotals, type Totals } from './totals.ts'

/** The reading thread: answers one question at a time, so that a slow one disturbs nobody else. */
if (parentPort === null) throw new Error('reader-thread runs as a worker thread only')
const port = parentPort
const { path } = workerData as { readonly path: string }
let database: Database.Database | undefined

function answer(request: QueryRequest): QueryAnswer {
  try {
    database ??= openReader(path)
    return { value: valueOf(database, request) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return {
      failure: { code: error instanceof ServiceError ? error.code : 'query_failed', message },
    }
  }
}

function valueOf(database: Database.Database, request: QueryRequest): Totals {
  if (request.kind === 'totals') return queryTotals(database, request.query)
  if (request.kind === 'connections') return queryConnections(database, request.query)
  return queryHiddenHops(database, request.nowMs, request.flushIntervalMs)
}

port.on('message', (request: QueryRequest) => port.postMessage(answer(request)))
