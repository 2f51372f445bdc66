import { parentPort, workerData } from 'node:worker_threads'
import { ServiceError } from '../runtime/service-error.ts'
import { damageError, isDamage, openingError, sqliteCode, troubleCode } from './error-code.ts'
import { insist, TELL_EVERY_MS, type TroubleEvents } from './insist.ts'
import type { FromThread, Request } from './thread-messages.ts'
import { Writer } from './writer.ts'

/** The storage thread: the only place that writes a file. One request at a time but for commits. */
if (parentPort === null) throw new Error('writer-thread runs as a worker thread only')
const port = parentPort
const { path } = workerData as { readonly path: string }
const abandon = new AbortController()
let writer: Writer | undefined
let tidying = false
let tidyFails = false
let tidyTroubleMs = Number.NEGATIVE_INFINITY

function send(message: FromThread): void {
  port.postMessage(message)
}

const EVENTS: TroubleEvents = {
  trouble: (trouble) => send({ kind: 'trouble', trouble }),
  recovered: () => send({ kind: 'recovered' }),
}

async function perform(request: Request): Promise<unknown> {
  if (request.kind === 'open') {
    try {
      writer = new Writer(request.config)
      return writer.open(request.nowMs)
    } catch (error) {
      throw openingError(error, path)
    }
  }
  if (request.kind === 'abandon') {
    abandon.abort()
    return undefined
  }
  if (request.kind === 'close') {
    writer?.close(request.stoppedMs)
    writer = undefined
    return undefined
  }
  if (writer === undefined) throw new ServiceError('store_closed', `${path} is not open`)
  const open = writer
  switch (request.kind) {
    case 'commit': {
      const { batch } = request
      const { value, durationMs } = await insist(() => open.apply(batch), abandon.signal, EVENTS)
      tidySoon()
      return { ...value, durationMs }
    }
    case 'admit':
      return settle(() => open.admit(request.sink, request.found))
    case 'acknowledge':
      return settle(() => open.acknowledge(request.sink, request.sequences))
    case 'acknowledgeHours':
      return settle(() => open.acknowledgeHours(request.sink, request.sequences))
    case 'park':
      return settle(() => open.park(request.sink, request.events))
    case 'retryParked':
      return settle(() => open.retryParked())
    case 'rememberTopic':
      return settle(() => open.rememberTopic(request.sink, request.memory))
    case 'receiving':
      return settle(() => open.receiving(request.nowMs))
    case 'check':
      return open.check()
    // Where the file is away its content is still what was counted: answers are right.
    case 'lookup':
      return (await insist(() => open.find(request.keys), abandon.signal, EVENTS)).value
    case 'loadOpen':
      return writer.loadOpen(request.limit, request.afterKey)
    case 'pairsBetween':
      return writer.pairsBetween(request.fromMs, request.toMs, request.after, request.most)
    case 'tidy': {
      let more = true
      while (more) more = tidySlice()
      return undefined
    }
    default:
      return request satisfies never
  }
}

async function settle<T>(attempt: () => T): Promise<T> {
  return (await insist(attempt, abandon.signal, EVENTS)).value
}

/** Compaction and retention, a slice at a time, whenever nothing else is to do. */
function tidySoon(): void {
  if (tidying) return
  tidying = true
  setImmediate(tidy)
}

function tidy(): void {
  tidying = false
  if (tidySlice()) tidySoon()
}

/** Whether there is more to do. */
function tidySlice(): boolean {
  try {
    const more = writer?.tidy() === true
    if (tidyFails) EVENTS.recovered()
    tidyFails = false
    return more
  } catch (error) {
    if (isDamage(error)) {
      send(failureOf(0, error))
      return false
    }
    // A slice changes no total, so nothing is lost: it is tried again after the next commit.
    const message = error instanceof Error ? error.message : String(error)
    const code = troubleCode(error)
    tidyFails = true
    if (performance.now() - tidyTroubleMs >= TELL_EVERY_MS) {
      tidyTroubleMs = performance.now()
      send({ kind: 'trouble', trouble: { code, message, attempts: 1, sinceMs: 0 } })
    }
    return false
  }
}

port.on('message', ({ id, request }: { id: number; request: Request }) => {
  perform(request).then(
    (value) => {
      send({ kind: 'answer', id, value })
      if (request.kind === 'close') port.close()
    },
    (error: unknown) => send(failureOf(id, error)),
  )
})

function failureOf(id: number, cause: unknown): FromThread {
  const error = isDamage(cause) ? damageError(cause, path) : cause
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ServiceError) return { kind: 'failure', id, code: error.code, message }
  const code = sqliteCode(error) === undefined ? 'store_failed' : troubleCode(error)
  return { kind: 'failure', id, code, message }
}
