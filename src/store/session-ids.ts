import type Database from 'better-sqlite3'
import type { Definitions } from '../model/batch.ts'
import type { RefusedRows } from './refused-rows.ts'

/** The batch uses a session id that was never defined: a row of it cannot be stored. */
class UnknownIdError extends RangeError {}

/**
 * The file's ids of the writing process's session ids. A definition finds its row in the dictionary
 * tables or makes it. After a rollback the same batch comes again and defines the same ids anew, so
 * nothing has to be undone here.
 */
export class SessionIds {
  readonly #workloads: Dictionary
  readonly #nodes: Dictionary
  readonly #destinations: Dictionary
  readonly #pods: Dictionary
  readonly #clusters: Dictionary

  constructor(database: Database.Database, refused: RefusedRows) {
    const dictionary = (table: string, ...columns: string[]) =>
      new Dictionary(database, refused, table, columns)
    this.#workloads = dictionary('workload', 'cluster', 'namespace', 'kind', 'name')
    this.#nodes = dictionary(
      'node',
      'node',
      'pod',
      'proxy_type',
      'service_account',
      'envoy_version',
      'workload_id',
    )
    this.#destinations = dictionary('destination', 'name', 'name_source')
    this.#pods = dictionary('pod', 'pod', 'workload_id')
    this.#clusters = dictionary('cluster_name', 'name')
    this.#clusters.ids.set(0, 0)
  }

  /**
   * Takes up new names. One that is refused for its content is set aside and stands for nothing: so
   * are the rows that use it, and no others.
   */
  define(definitions: Definitions): void {
    for (const { id, workload: w } of definitions.workloads) {
      this.#workloads.define(id, () => [w.cluster, w.namespace, w.kind, w.name])
    }
    for (const { id, node: n, workload } of definitions.nodes) {
      this.#nodes.define(id, () => [
        n.id,
        n.pod,
        n.proxyType,
        n.serviceAccount,
        n.envoyVersion,
        this.workload(workload),
      ])
    }
    for (const { id, destination: d } of definitions.destinations) {
      this.#destinations.define(id, () => [d.name, d.nameSource])
    }
    for (const { id, pod, workload } of definitions.pods) {
      this.#pods.define(id, () => [pod, this.workload(workload)])
    }
    for (const { id, text } of definitions.clusters) this.#clusters.define(id, () => [text])
  }

  /** Forgets released ids: to be called once the batch that released them is committed. */
  release(released: Definitions['released']): void {
    for (const id of released.workloads) this.#workloads.ids.delete(id)
    for (const id of released.nodes) this.#nodes.ids.delete(id)
    for (const id of released.destinations) this.#destinations.ids.delete(id)
    for (const id of released.pods) this.#pods.ids.delete(id)
    for (const id of released.clusters) this.#clusters.ids.delete(id)
  }

  workload(id: number): number {
    return this.#workloads.idOf(id)
  }

  node(id: number): number {
    return this.#nodes.idOf(id)
  }

  destination(id: number): number {
    return this.#destinations.idOf(id)
  }

  pod(id: number): number {
    return this.#pods.idOf(id)
  }

  cluster(id: number): number {
    return this.#clusters.idOf(id)
  }
}

/** One dictionary table, and which of its rows the session ids stand for. */
class Dictionary {
  readonly ids = new Map<number, number>()
  readonly #table: string
  readonly #insert
  readonly #refused: RefusedRows

  constructor(
    database: Database.Database,
    refused: RefusedRows,
    table: string,
    columns: readonly string[],
  ) {
    this.#table = table
    this.#refused = refused
    // A no-op update makes RETURNING give the row that was there.
    this.#insert = database
      .prepare(`
        INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
        ON CONFLICT DO UPDATE SET ${columns[0]} = excluded.${columns[0]} RETURNING id`)
      .pluck()
  }

  define(id: number, values: () => (string | number)[]): void {
    // What the id stood for before must not answer for a name that is refused.
    this.ids.delete(id)
    this.#refused.attempt(this.#table, [id], () => {
      this.ids.set(id, this.#insert.get(values()) as number)
    })
  }

  idOf(id: number): number {
    const found = this.ids.get(id)
    if (found === undefined) {
      throw new UnknownIdError(`session id ${id} of a ${this.#table} was never defined`)
    }
    return found
  }
}
