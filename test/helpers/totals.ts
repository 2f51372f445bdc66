import Database from 'better-sqlite3'

/** Bytes and connections of a group, exact. */
export interface Total {
  readonly upload: bigint
  readonly download: bigint
  readonly connections: bigint
}

/** Totals by key, comparable with `assert.deepEqual`. */
export type Totals = Record<string, Total>

/** Sums by key. */
export class TotalsBuilder {
  readonly totals: Totals = {}

  add(key: string, upload: number | bigint, download: number | bigint, connections = 1): void {
    const { totals } = this
    const sum = totals[key] ?? { upload: 0n, download: 0n, connections: 0n }
    totals[key] = {
      upload: sum.upload + BigInt(upload),
      download: sum.download + BigInt(download),
      connections: sum.connections + BigInt(connections),
    }
  }
}

/** Key of a workload and a name in `Totals`. */
export function workloadAndName(namespace: string, workload: string, sni: string): string {
  return `${namespace}/${workload} ${sni}`
}

/** Runs a query on a file that another process may be writing; integers as bigint. */
export function select(
  db: string,
  sql: string,
  ...parameters: unknown[]
): Record<string, unknown>[] {
  const database = new Database(db, { readonly: true, fileMustExist: true })
  try {
    const statement = database.prepare(sql).safeIntegers(true)
    return statement.all(...parameters) as Record<string, unknown>[]
  } finally {
    database.close()
  }
}

/** `workload_sni_totals` by "namespace/workload sni". */
export function totalsByWorkloadAndName(db: string): Totals {
  const rows = select(
    db,
    'SELECT namespace, workload, sni, upload_bytes, download_bytes, connections FROM workload_sni_totals',
  )
  return Object.fromEntries(
    rows.map((row) => [
      workloadAndName(String(row['namespace']), String(row['workload']), String(row['sni'])),
      totalOf(row),
    ]),
  )
}

/** `sni_totals` by name. */
export function totalsByName(db: string): Totals {
  const rows = select(db, 'SELECT sni, upload_bytes, download_bytes, connections FROM sni_totals')
  return Object.fromEntries(rows.map((row) => [String(row['sni']), totalOf(row)]))
}

function totalOf(row: Record<string, unknown>): Total {
  return {
    upload: row['upload_bytes'] as bigint,
    download: row['download_bytes'] as bigint,
    connections: row['connections'] as bigint,
  }
}

/** What the windows add up to, and the lifetime totals: always the same. */
export function assertableSums(db: string): { readonly usage: unknown; readonly totals: unknown } {
  const columns = 'sum(upload_bytes) AS upload, sum(download_bytes) AS download'
  const [usage] = select(
    db,
    `SELECT ${columns}, sum(connections_opened) AS connections, sum(connections_closed) AS closed FROM usage`,
  )
  const [totals] = select(
    db,
    `SELECT ${columns}, sum(connections) AS connections FROM workload_sni_totals`,
  )
  return { usage, totals }
}

/** `ok` from SQLite's own look at the whole file. */
export function integrity(db: string): unknown {
  return select(db, 'PRAGMA integrity_check')[0]?.['integrity_check']
}
