import { Worker } from 'node:worker_threads'
import type { Component } from '../runtime/component.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { threadUrl } from '../runtime/thread-url.ts'
import type { ConnectionsQuery } from './connections.ts'
import type { Totals, TotalsQuery } from './totals.ts'

/** What the reading thread is asked. */
export type QueryRequest =
  | { readonly kind: 'totals'; readonly query: TotalsQuery }
  | { readonly kind: 'connections'; readonly query: ConnectionsQuery }
  | { readonly kind: 'hidden-hops'; readonly nowMs: number; readonly flushIntervalMs: number }

export type QueryAnswer =
  | { readonly value: Totals }
  | { readonly failure: { readonly code: string; readonly message: string } }

/** Questions that may wait behind the one that is being answered. */
const MAX_WAITING = 16
/** A question that takes longer is given up, and its thread with it, ms. */
const TIMEOUT_MS = 10_000

/**
 * Questions to the file, answered on a thread of their own: neither the thread that reads from Envoy
 * nor the one that commits waits for them. One at a time, in order.
 */
export class QueryService implements Component {
  readonly #path: string
  readonly #timeoutMs: number
  #worker: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor({ path, timeoutMs = TIMEOUT_MS }: { path: string; timeoutMs?: number }) {
    this.#path = path
    this.#timeoutMs = timeoutMs
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** Rejects with `too_many_queries`, `query_timeout` or what the query says is wrong. */
  async run(request: QueryRequest): Promise<Totals> {
    if (this.#waiting >= MAX_WAITING) {
      throw new ServiceError('too_many_queries', 'too many queries at a time; ask again')
    }
    this.#waiting++
    const turn = this.#last.then(() => this.#ask(request))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  async stop(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #ask(request: QueryRequest): Promise<Totals> {
    this.#worker ??= makeWorker(this.#path)
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        worker.off('message', answered)
        worker.off('exit', ended)
        finish()
      }
      const answered = (answer: QueryAnswer): void =>
        settle(() => {
          if ('value' in answer) resolve(answer.value)
          else reject(new ServiceError(answer.failure.code, answer.failure.message))
        })
      const ended = (): void =>
        settle(() => {
          if (this.#worker === worker) this.#worker = undefined
          reject(new ServiceError('query_failed', 'the reading thread has ended'))
        })
      const timer = setTimeout(() => {
        settle(() => {
          this.#worker = undefined
          worker.terminate().catch(() => undefined)
          reject(new ServiceError('query_timeout', `no answer within ${this.#timeoutMs / 1000} s`))
        })
      }, this.#timeoutMs)
      worker.on('message', answered)
      worker.on('exit', ended)
      worker.postMessage(request)
    })
  }
}

/** A worker that keeps nobody from exiting, and whose death ends no process. */
function makeWorker(path: string): Worker {
  const url = threadUrl('reader-thread', import.meta.url)
  const worker = new Worker(url, { workerData: { path }, execArgv: [] })
  worker.unref()
  worker.on('error', () => undefined)
  return worker
}
