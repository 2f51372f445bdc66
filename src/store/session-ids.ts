import type Database from 'better-sqlite3'
import type { Definitions } from '../model/batch.ts'

/** The batch uses a session id that was never defined: a row of it cannot be stored. */
export class UnknownIdError extends RangeError {}

/**
 * The file's ids of the writing process's session ids. A definition finds its row in the dictionary
 * tables or makes it. After a rollback the same batch comes again and defines the same ids anew, so
 * nothing has to be undone here.
 */
export class SessionIds {
  readonly #workloads = new Map<number, number>()
  readonly #nodes = new Map<number, number>()
  readonly #destinations = new Map<number, number>()
  readonly #clusters = new Map<number, number>([[0, 0]])
  readonly #statements

  constructor(database: Database.Database) {
    // A no-op update makes RETURNING give the row that was there.
    this.#statements = {
      workload: database.prepare(`
        INSERT INTO workload (cluster, namespace, kind, name) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id`),
      node: database.prepare(`
        INSERT INTO node (node, pod, proxy_type, service_account, envoy_version, workload_id)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET node = excluded.node RETURNING id`),
      destination: database.prepare(`
        INSERT INTO destination (name, name_source) VALUES (?, ?)
        ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id`),
      cluster: database.prepare(`
        INSERT INTO cluster_name (name) VALUES (?)
        ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id`),
    }
  }

  define(definitions: Definitions): void {
    const { workload, node, destination, cluster } = this.#statements
    for (const { id, workload: w } of definitions.workloads) {
      this.#workloads.set(id, idOf(workload.get(w.cluster, w.namespace, w.kind, w.name)))
    }
    for (const { id, node: n, workload: w } of definitions.nodes) {
      const row = node.get(
        n.id,
        n.pod,
        n.proxyType,
        n.serviceAccount,
        n.envoyVersion,
        this.workload(w),
      )
      this.#nodes.set(id, idOf(row))
    }
    for (const { id, destination: d } of definitions.destinations) {
      this.#destinations.set(id, idOf(destination.get(d.name, d.nameSource)))
    }
    for (const { id, text } of definitions.clusters) this.#clusters.set(id, idOf(cluster.get(text)))
  }

  /** Forgets released ids: to be called once the batch that released them is committed. */
  release(released: Definitions['released']): void {
    for (const id of released.workloads) this.#workloads.delete(id)
    for (const id of released.nodes) this.#nodes.delete(id)
    for (const id of released.destinations) this.#destinations.delete(id)
    for (const id of released.clusters) this.#clusters.delete(id)
  }

  workload(id: number): number {
    return known(this.#workloads, id, 'workload')
  }

  node(id: number): number {
    return known(this.#nodes, id, 'node')
  }

  destination(id: number): number {
    return known(this.#destinations, id, 'destination')
  }

  cluster(id: number): number {
    return known(this.#clusters, id, 'cluster')
  }
}

function known(ids: ReadonlyMap<number, number>, id: number, what: string): number {
  const found = ids.get(id)
  if (found === undefined)
    throw new UnknownIdError(`session id ${id} of a ${what} was never defined`)
  return found
}

function idOf(row: unknown): number {
  return (row as { id: number }).id
}
