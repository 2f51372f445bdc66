import type { Component } from '../runtime/component.ts'
import type { PageAsText } from './page.ts'
import { QueryProcess } from './query-process.ts'
import type { QueryRequest } from './query-request.ts'
import { QueryTurns } from './query-turns.ts'

/** Queries that run at a time: so a slow one of one client does not hold up the others. */
const AT_ONCE = 2
/** A query that takes longer is given up, ms. */
const TIMEOUT_MS = 120_000
/** A query waits no longer than so many others may take. */
const WAIT_TURNS = 2
/** What this program itself asks takes its turn beside the clients. */
const OURSELVES = { client: '' }

/** Who asks. */
export interface QueryCaller {
  /** Who takes turns: an address, or what stands for one. */
  readonly client: string
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal
  /** Resolves when the answer was read, or never will be; the client's next query waits for it. */
  readonly read?: Promise<void>
}

export interface QueryServiceOptions {
  readonly path: string
  readonly timeoutMs?: number
  /** Memory that a process may have (default: what a large query needs). */
  readonly maxResidentBytes?: number
  /** Whether clients see connection ids (default true). */
  readonly connectionIds?: boolean
}

/**
 * Questions to the file, answered by processes of their own: neither the thread that reads from Envoy
 * nor the one that commits waits for them, and every query can be ended. One at a time per client, two
 * in all; the others wait, as many as have room.
 */
export class QueryService implements Component {
  readonly #timeoutMs: number
  readonly #connectionIds: boolean
  readonly #turns: QueryTurns
  readonly #processes: readonly QueryProcess[]
  readonly #busy = new Set<QueryProcess>()

  constructor({
    path,
    timeoutMs = TIMEOUT_MS,
    maxResidentBytes,
    connectionIds = true,
  }: QueryServiceOptions) {
    this.#connectionIds = connectionIds
    this.#timeoutMs = timeoutMs
    this.#turns = new QueryTurns({ atOnce: AT_ONCE, waitMs: WAIT_TURNS * timeoutMs })
    this.#processes = Array.from(
      { length: AT_ONCE },
      () => new QueryProcess(path, maxResidentBytes),
    )
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** Process ids of the processes that there are. */
  get pids(): readonly number[] {
    return this.#processes.flatMap(({ pid }) => pid ?? [])
  }

  /** The answer's rows. Rejects as `json` does. */
  async run(request: QueryRequest): Promise<Pick<PageAsText, 'columns' | 'rows'>> {
    return JSON.parse((await this.json(request, OURSELVES)).toString()) as PageAsText
  }

  /**
   * The answer, a `PageAsText` as JSON. Rejects with `too_many_queries`, `query_timeout`, `query_too_large`,
   * `query_cancelled`, `query_unavailable` (no process could be started), `query_stopped`, or with what
   * the query says is wrong.
   */
  async json(request: QueryRequest, { client, signal, read }: QueryCaller): Promise<Buffer> {
    const turn = await this.#turns.take(client, signal)
    const process = this.#free()
    this.#busy.add(process)
    try {
      return await process.ask(this.#shown(request), { timeoutMs: this.#timeoutMs, signal })
    } finally {
      this.#busy.delete(process)
      turn.answered()
      if (read === undefined) turn.finished()
      else void read.finally(() => turn.finished())
    }
  }

  /** What clients may see of it. */
  #shown(request: QueryRequest): QueryRequest {
    if (request.kind !== 'connections' || this.#connectionIds) return request
    return { ...request, query: { ...request.query, withoutIds: true } }
  }

  /** Ends what runs, whatever it does, within about a second. */
  async stop(): Promise<void> {
    this.#turns.close()
    await Promise.all(this.#processes.map((process) => process.end()))
  }

  /** The one that runs already, if there is a choice. */
  #free(): QueryProcess {
    const free = this.#processes.filter((process) => !this.#busy.has(process))
    const found = free.find(({ pid }) => pid !== undefined) ?? free[0]
    if (found === undefined) throw new Error('more turns than processes')
    return found
  }
}
