import type Database from 'better-sqlite3'
import type { ConnectionColumns } from '../model/batch.ts'
import { ConnectionState, type StoredConnection } from '../model/connection.ts'
import type { NameSource } from '../model/destination.ts'
import type { ProxyType } from '../model/source.ts'
import { canonicalAddress } from '../runtime/ip-address-text.ts'
import { BulkStatement } from './bulk-statement.ts'
import type { RefusedRows } from './refused-rows.ts'
import type { SessionIds } from './session-ids.ts'

const COLUMNS = [
  'key',
  'kind',
  'identity_kind',
  'meter',
  'state',
  'node_id',
  'workload_id',
  'destination_id',
  'cluster_id',
  'upstream_address',
  'start_ms',
  'moment_ms',
  'previous_span_start_ms',
  'previous_span_end_ms',
  'last_delta',
  'last_arrival_ms',
  'last_ledger_ms',
  'upload',
  'download',
  'lost',
] as const

const SELECT = `
  SELECT c.*, n.node, n.pod, n.proxy_type, n.service_account, n.envoy_version,
         nw.cluster AS node_cluster, nw.namespace AS node_namespace, nw.kind AS node_kind,
         nw.name AS node_workload,
         w.cluster, w.namespace, w.kind AS workload_kind, w.name AS workload,
         d.name AS destination, d.name_source, coalesce(u.name, '') AS upstream_cluster
  FROM connection c
  JOIN node n ON n.id = c.node_id
  JOIN workload nw ON nw.id = n.workload_id
  JOIN workload w ON w.id = c.workload_id
  JOIN destination d ON d.id = c.destination_id
  LEFT JOIN cluster_name u ON u.id = c.cluster_id`

/** Connection rows: replaced whole by a batch, given back to the ledger that has forgotten them. */
export class ConnectionTable {
  readonly #refused: RefusedRows
  readonly #replace: BulkStatement
  readonly #byKey
  readonly #open

  constructor(database: Database.Database, refused: RefusedRows) {
    const updates = COLUMNS.filter((name) => name !== 'key' && name !== 'upstream_address')
    this.#refused = refused
    this.#replace = new BulkStatement(database, refused, {
      table: 'connection',
      width: COLUMNS.length,
      insert: `INSERT INTO connection (${COLUMNS.join(', ')})`,
      // A row that came back from the file does not carry its address again.
      onConflict: `ON CONFLICT DO UPDATE SET
        ${updates.map((name) => `${name} = excluded.${name}`).join(', ')},
        upstream_address = coalesce(excluded.upstream_address, upstream_address)`,
    })
    this.#byKey = database.prepare(`${SELECT} WHERE c.key = ?`)
    this.#open = database.prepare(
      `${SELECT} WHERE c.state = ${ConnectionState.open} AND c.state <> ${ConnectionState.closed} LIMIT ?`,
    )
  }

  replace(rows: ConnectionColumns, ids: SessionIds): void {
    const words = new DataView(rows.key.buffer, rows.key.byteOffset, rows.key.byteLength)
    for (const i of inKeyOrder(rows.count, words)) {
      const key = rows.key.subarray(i * 16, i * 16 + 16)
      try {
        this.#add(rows, i, key, ids)
      } catch (error) {
        if (!this.#refused.isForContent(error)) throw error
        this.#refused.refuse('connection', [key, rows.upload[i], rows.download[i]], error)
      }
    }
    this.#replace.flush()
  }

  #add(rows: ConnectionColumns, i: number, key: Uint8Array, ids: SessionIds): void {
    this.#replace.add(
      key,
      rows.kind[i] as number,
      rows.identityKind[i] as number,
      rows.meter[i] as number,
      rows.state[i] as number,
      ids.node(rows.node[i] as number),
      ids.workload(rows.workload[i] as number),
      ids.destination(rows.destination[i] as number),
      ids.cluster(rows.cluster[i] as number),
      addressText(rows, i),
      rows.startMs[i] as number,
      rows.momentMs[i] as number,
      rows.previousSpanStartMs[i] as number,
      rows.previousSpanEndMs[i] as number,
      rows.lastDeltaBytes[i] as number,
      rows.lastArrivalMs[i] as number,
      rows.lastLedgerMs[i] as number,
      rows.upload[i] as number,
      rows.download[i] as number,
      rows.lost[i] as number,
    )
  }

  /** Rows of the given keys (16 bytes each), in their order; undefined where there is none. */
  find(keys: Uint8Array): (StoredConnection | undefined)[] {
    const found: (StoredConnection | undefined)[] = []
    for (let at = 0; at < keys.length; at += 16) {
      const row = this.#byKey.get(keys.subarray(at, at + 16))
      found.push(row === undefined ? undefined : storedConnection(row as Row))
    }
    return found
  }

  /** Open rows, at most `limit`. */
  open(limit: number): StoredConnection[] {
    return this.#open.all(limit).map((row) => storedConnection(row as Row))
  }
}

/** Random keys in the order of the table: neighbours share pages. */
function inKeyOrder(count: number, words: DataView): Uint32Array {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  const first = new Float64Array(count)
  for (let i = 0; i < count; i++) first[i] = words.getUint32(i * 16)
  return order.sort((a, b) => (first[a] as number) - (first[b] as number))
}

function addressText(rows: ConnectionColumns, i: number): string | null {
  const { address } = rows
  const text = canonicalAddress(
    address[i * 4] as number,
    address[i * 4 + 1] as number,
    address[i * 4 + 2] as number,
    address[i * 4 + 3] as number,
  )
  if (text === '') return null
  return text.includes(':') ? `[${text}]:${rows.port[i]}` : `${text}:${rows.port[i]}`
}

interface Row {
  readonly [column: string]: unknown
}

function storedConnection(row: Row): StoredConnection {
  const number = (column: string) => row[column] as number
  const text = (column: string) => row[column] as string
  return {
    key: new Uint8Array(row['key'] as Buffer),
    kind: number('kind'),
    identityKind: number('identity_kind'),
    meter: number('meter'),
    state: number('state'),
    node: {
      id: text('node'),
      pod: text('pod'),
      proxyType: text('proxy_type') as ProxyType,
      serviceAccount: text('service_account'),
      envoyVersion: text('envoy_version'),
      workload: {
        cluster: text('node_cluster'),
        namespace: text('node_namespace'),
        kind: text('node_kind'),
        name: text('node_workload'),
      },
    },
    workload: {
      cluster: text('cluster'),
      namespace: text('namespace'),
      kind: text('workload_kind'),
      name: text('workload'),
    },
    destination: { name: text('destination'), nameSource: text('name_source') as NameSource },
    upstreamCluster: text('upstream_cluster'),
    // The file keeps the text; the row in memory takes the address of its next sample.
    address: [0, 0, 0, 0],
    port: 0,
    startMs: number('start_ms'),
    momentMs: number('moment_ms'),
    previousSpanStartMs: number('previous_span_start_ms'),
    previousSpanEndMs: number('previous_span_end_ms'),
    lastDeltaBytes: number('last_delta'),
    lastArrivalMs: number('last_arrival_ms'),
    lastLedgerMs: number('last_ledger_ms'),
    upload: number('upload'),
    download: number('download'),
  }
}
