import type Database from 'better-sqlite3'
import type { Destination, NameSource } from '../model/destination.ts'
import type { Node, ProxyType, Workload } from '../model/source.ts'

interface Texts {
  readonly [column: string]: string
}

/**
 * What the file's ids stand for. Each id gives the same object until `forget`: rows that have a node,
 * a workload or a name in common share it, here and (structured clone keeps that) in the main thread.
 */
export class Names {
  readonly #workloads = new Map<number, Workload>()
  readonly #nodes = new Map<number, Node>()
  readonly #destinations = new Map<number, Destination>()
  readonly #pods = new Map<number, string>()
  readonly #clusters = new Map<number, string>([[0, '']])
  readonly #statements

  constructor(database: Database.Database) {
    const byId = (columns: string, table: string) =>
      database.prepare(`SELECT ${columns} FROM ${table} WHERE id = ?`)
    this.#statements = {
      workload: byId('cluster, namespace, kind, name', 'workload'),
      node: byId('node, pod, proxy_type, service_account, envoy_version', 'node'),
      workloadOfNode: byId('workload_id', 'node').pluck(),
      destination: byId('name, name_source', 'destination'),
      pod: byId('pod', 'pod').pluck(),
      cluster: byId('name', 'cluster_name').pluck(),
    }
  }

  workload(id: number): Workload {
    return remembered(this.#workloads, id, () => {
      const row = this.#statements.workload.get(id) as Texts
      return {
        cluster: text(row, 'cluster'),
        namespace: text(row, 'namespace'),
        kind: text(row, 'kind'),
        name: text(row, 'name'),
      }
    })
  }

  node(id: number): Node {
    return remembered(this.#nodes, id, () => {
      const row = this.#statements.node.get(id) as Texts
      return {
        id: text(row, 'node'),
        pod: text(row, 'pod'),
        proxyType: text(row, 'proxy_type') as ProxyType,
        serviceAccount: text(row, 'service_account'),
        envoyVersion: text(row, 'envoy_version'),
        workload: this.workload(this.#statements.workloadOfNode.get(id) as number),
      }
    })
  }

  destination(id: number): Destination {
    return remembered(this.#destinations, id, () => {
      const row = this.#statements.destination.get(id) as Texts
      return {
        name: text(row, 'name'),
        nameSource: text(row, 'name_source') as NameSource,
      }
    })
  }

  /** Name of a pod; undefined for id 0, which is of a row from before pods were kept. */
  pod(id: number): string | undefined {
    if (id === 0) return undefined
    return remembered(this.#pods, id, () => this.#statements.pod.get(id) as string)
  }

  /** Name of an `upstream_cluster`; id 0 is the empty text. */
  cluster(id: number): string {
    return remembered(this.#clusters, id, () => this.#statements.cluster.get(id) as string)
  }

  /** Lets go of everything: to be called once an answer is made. */
  forget(): void {
    this.#workloads.clear()
    this.#nodes.clear()
    this.#destinations.clear()
    this.#pods.clear()
    this.#clusters.clear()
    this.#clusters.set(0, '')
  }
}

function remembered<T>(known: Map<number, T>, id: number, read: () => T): T {
  let value = known.get(id)
  if (value === undefined) {
    value = read()
    known.set(id, value)
  }
  return value
}

function text(row: Texts, column: string): string {
  return row[column] as string
}
