import type Database from 'better-sqlite3'
import type { ConnectionColumns, InvalidSni, Renamed } from '../model/batch.ts'
import { ConnectionState, type StoredConnection } from '../model/connection.ts'
import { UNKNOWN_NODE } from '../model/source.ts'
import { canonicalAddress } from '../runtime/ip-address-text.ts'
import { BulkStatement } from './bulk-statement.ts'
import type { Names } from './names.ts'
import type { RefusedRows } from './refused-rows.ts'
import type { SessionIds } from './session-ids.ts'

const UNKNOWN = UNKNOWN_NODE.workload

const COLUMNS = [
  'key',
  'kind',
  'identity_kind',
  'meter',
  'state',
  'node_id',
  'workload_id',
  'pod_id',
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
  'hop',
] as const

/**
 * A row stays its node's. The ledger sees to that for every row that it knows; an id that it does not
 * know, with a start that no forgotten row can have, it takes for a new connection without asking.
 * Nodes are one by the rule of `attribution/node-binding.ts`; a row of the unknown source is anyone's who
 * goes on with it, which the start says.
 */
const OF_OTHERS = `EXISTS (
          SELECT 1 FROM node own, workload beside, node other
          WHERE own.id = connection.node_id AND beside.id = own.workload_id
            AND other.id = excluded.node_id
            AND NOT (own.node = other.node AND (own.node <> ''
                 OR (own.pod = other.pod AND own.workload_id = other.workload_id)))
            AND NOT (excluded.start_ms = connection.start_ms
                 AND own.node = '' AND own.pod = '' AND beside.cluster = '' AND beside.namespace = ''
                 AND beside.kind = '${UNKNOWN.kind}' AND beside.name = '${UNKNOWN.name}'))`

/** Connection rows: replaced whole by a batch, given back to the ledger that has forgotten them. */
export class ConnectionTable {
  readonly #refused: RefusedRows
  readonly #names: Names
  readonly #replace: BulkStatement
  readonly #noteSni
  readonly #rename
  readonly #byKey
  readonly #open

  constructor(database: Database.Database, refused: RefusedRows, names: Names) {
    const updates = COLUMNS.filter((name) => name !== 'key' && name !== 'upstream_address')
    this.#refused = refused
    this.#names = names
    this.#replace = new BulkStatement(database, refused, {
      table: 'connection',
      width: COLUMNS.length,
      insert: `INSERT INTO connection (${COLUMNS.join(', ')})`,
      // A row that came back from the file does not carry its address again.
      onConflict: `ON CONFLICT DO UPDATE SET
        ${updates.map((name) => `${name} = excluded.${name}`).join(', ')},
        upstream_address = coalesce(excluded.upstream_address, upstream_address)
        WHERE node_id = excluded.node_id OR NOT ${OF_OTHERS}`,
    })
    this.#noteSni = database.prepare(
      'UPDATE connection SET invalid_sni = ? WHERE key = ? AND node_id = ?',
    )
    this.#rename = database.prepare('UPDATE OR IGNORE connection SET key = ? WHERE key = ?')
    this.#byKey = database.prepare('SELECT * FROM connection WHERE key = ?')
    // `state <> closed` says again what the partial index says: SQLite uses it for these words only.
    this.#open = database.prepare(`
      SELECT * FROM connection
      WHERE state = ${ConnectionState.open} AND state <> ${ConnectionState.closed} AND key > ?
      ORDER BY key LIMIT ?`)
  }

  /** Rows that have another identity since the last batch. */
  rename(renamed: readonly Renamed[]): void {
    for (const { from, to } of renamed) this.#rename.run(to, from)
  }

  replace(rows: ConnectionColumns, ids: SessionIds): void {
    this.#replace.clear()
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

  /**
   * The invalid SNIs of the rows just replaced. Few, and beside the rows: a column of all rows would cost
   * every connection. A row that stayed another node's keeps its own.
   */
  noteInvalidSnis(snis: readonly InvalidSni[], rows: ConnectionColumns, ids: SessionIds): void {
    if (snis.length === 0) return
    const texts = new Map(snis.map(({ key, text }) => [textOf(key), text]))
    for (let i = 0; i < rows.count; i++) {
      const key = rows.key.subarray(i * 16, i * 16 + 16)
      const text = texts.get(textOf(key))
      if (text !== undefined) this.#noteSni.run(text, key, ids.node(rows.node[i] as number))
    }
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
      ids.pod(rows.pod[i] as number),
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
      rows.hop[i] as number,
    )
  }

  /** Rows of the given keys (16 bytes each), in their order; undefined where there is none. */
  find(keys: Uint8Array): (StoredConnection | undefined)[] {
    const rows = Array.from({ length: keys.length / 16 }, (_, i) =>
      this.#byKey.get(keys.subarray(i * 16, i * 16 + 16)),
    )
    return this.#stored(rows as (Row | undefined)[])
  }

  /** Open rows in the order of their keys, those after `afterKey`, at most `limit`. */
  open(afterKey: Uint8Array, limit: number): StoredConnection[] {
    const rows = this.#open.all(afterKey, limit) as Row[]
    return this.#stored(rows) as StoredConnection[]
  }

  /** Keys are one buffer for all rows of an answer; names are shared (see `Names`). */
  #stored(rows: readonly (Row | undefined)[]): (StoredConnection | undefined)[] {
    const keys = new Uint8Array(rows.length * 16)
    const stored = rows.map((row, i) => {
      if (row === undefined) return undefined
      const key = keys.subarray(i * 16, i * 16 + 16)
      key.set(row['key'] as Buffer)
      return storedConnection(row, key, this.#names)
    })
    this.#names.forget()
    return stored
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
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

/** The file keeps the address as text; the row in memory takes that of its next sample. */
const NO_ADDRESS = [0, 0, 0, 0] as const

function storedConnection(row: Row, key: Uint8Array, names: Names): StoredConnection {
  const number = (column: string) => row[column] as number
  return {
    key,
    kind: number('kind'),
    identityKind: number('identity_kind'),
    meter: number('meter'),
    state: number('state'),
    node: names.node(number('node_id')),
    workload: names.workload(number('workload_id')),
    pod: names.pod(number('pod_id')),
    destination: names.destination(number('destination_id')),
    upstreamCluster: names.cluster(number('cluster_id')),
    address: NO_ADDRESS,
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
    hop: number('hop') === 1,
  }
}
