import { FairShare } from '../runtime/fair-share.ts'
import { ServiceError } from '../runtime/service-error.ts'

/** Queries of one client that may wait while nobody else's do, and those that always may. */
const MAX_WAITING = 16
const MAY_ALWAYS_WAIT = 2
/** Answers that clients have not read yet, at most: each can have some MB. */
const MAX_UNREAD = 16

export interface TurnsOptions {
  /** Queries that run at a time, of all clients. */
  readonly atOnce: number
  /** A query waits no longer than this, ms. */
  readonly waitMs: number
}

/** The right to run a query: `answered` when it has run, `finished` when its client has the answer. */
export interface Turn {
  readonly answered: () => void
  readonly finished: () => void
}

interface Waiting {
  readonly begin: () => void
  readonly refuse: (error: ServiceError) => void
}

/**
 * Whose query runs next: clients take turns, each with one query at a time, a bounded number of
 * queries in all. A client that asks too much waits for itself.
 */
export class QueryTurns {
  readonly #options: TurnsOptions
  readonly #room = new FairShare(MAX_WAITING, MAY_ALWAYS_WAIT)
  /** Clients that wait, the one whose turn was longest ago first. */
  readonly #waiting = new Map<string, Set<Waiting>>()
  readonly #busy = new Set<string>()
  #running = 0
  #closed = false

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Waits for a client's turn. Rejects with `too_many_queries`, `query_cancelled` or `query_stopped`. */
  async take(client: string, signal?: AbortSignal): Promise<Turn> {
    if (this.#closed) throw stopped()
    if (signal?.aborted === true) throw cancelled()
    if (!this.#room.hasRoom(client)) {
      throw new ServiceError('too_many_queries', 'too many queries at a time; ask again')
    }
    this.#room.take(client)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { begin: resolve, refuse: reject }
    const giveUp = (error: ServiceError): void => {
      this.#forget(client, waiting)
      reject(error)
    }
    const timer = setTimeout(
      () => giveUp(new ServiceError('too_many_queries', 'other queries took too long; ask again')),
      this.#options.waitMs,
    )
    const abort = (): void => giveUp(cancelled())
    signal?.addEventListener('abort', abort)
    const ofClient = this.#waiting.get(client) ?? new Set()
    this.#waiting.set(client, ofClient.add(waiting))
    this.#next()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    return this.#turn(client)
  }

  /** Refuses all that wait, and all that come. */
  close(): void {
    this.#closed = true
    for (const ofClient of this.#waiting.values()) {
      for (const { refuse } of ofClient) refuse(stopped())
      ofClient.clear()
    }
  }

  #turn(client: string): Turn {
    let isAnswered = false
    let isFinished = false
    return {
      answered: () => {
        if (isAnswered) return
        isAnswered = true
        this.#running--
        this.#next()
      },
      finished: () => {
        if (isFinished) return
        isFinished = true
        this.#busy.delete(client)
        this.#next()
      },
    }
  }

  #next(): void {
    for (const [client, ofClient] of this.#waiting) {
      if (this.#running >= this.#options.atOnce || this.#busy.size >= MAX_UNREAD) return
      const [first] = ofClient
      if (first === undefined || this.#busy.has(client)) continue
      this.#running++
      this.#busy.add(client)
      this.#forget(client, first)
      first.begin()
    }
  }

  /** One query of a client waits no more; the client's next one comes after those of all others. */
  #forget(client: string, waiting: Waiting): void {
    const ofClient = this.#waiting.get(client)
    if (ofClient?.delete(waiting) !== true) return
    this.#room.release(client)
    this.#waiting.delete(client)
    if (ofClient.size > 0) this.#waiting.set(client, ofClient)
  }
}

function stopped(): ServiceError {
  return new ServiceError('query_stopped', 'the server stops')
}

function cancelled(): ServiceError {
  return new ServiceError('query_cancelled', 'nobody waits for the answer')
}
