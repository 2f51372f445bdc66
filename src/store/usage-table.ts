import type Database from 'better-sqlite3'
import type { UsageColumns } from '../model/batch.ts'
import { MAX_SUM } from '../runtime/saturating-sum.ts'
import type { RefusedRows } from './refused-rows.ts'
import { saturatingAdd } from './saturating-add.ts'
import type { SessionIds } from './session-ids.ts'

const MAX_TOTAL = BigInt(MAX_SUM)

interface PairSum {
  readonly workload: number
  readonly destination: number
  /** Exact in 64 bits: several windows of a pair can together pass 2^53. */
  upload: bigint
  download: bigint
  opened: number
  closed: number
  firstMs: number
  lastMs: number
}

/** Adds increments to usage per window and to the lifetime totals per pair. */
export class UsageTable {
  readonly #usage
  readonly #total

  constructor(database: Database.Database) {
    this.#usage = database.prepare(`
      INSERT INTO usage_minute (window_ms, workload_id, destination_id, window_seconds,
                                upload, download, estimated, opened, closed)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET
        ${saturatingAdd('upload')}, ${saturatingAdd('download')}, ${saturatingAdd('estimated')},
        opened = opened + excluded.opened, closed = closed + excluded.closed`)
    this.#total = database.prepare(`
      INSERT INTO pair_total (workload_id, destination_id, upload, download, connections, closed,
                              first_ms, last_ms)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET
        ${saturatingAdd('upload')}, ${saturatingAdd('download')},
        connections = connections + excluded.connections, closed = closed + excluded.closed,
        first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)`)
  }

  add(usage: UsageColumns, ids: SessionIds, refused: RefusedRows): void {
    const pairs = new Map<number, PairSum>()
    // In the order of the table's key: neighbours share pages (1.2 to 1.6 times faster, measured).
    for (const i of inKeyOrder(usage, ids, refused)) {
      const workload = ids.workload(usage.workload[i] as number)
      const destination = ids.destination(usage.destination[i] as number)
      const stored = refused.attempt(
        'usage',
        () => usageRow(usage, i),
        () => {
          this.#usage.run(
            usage.windowMs[i],
            workload,
            destination,
            usage.windowSeconds[i],
            usage.upload[i],
            usage.download[i],
            usage.estimated[i],
            usage.opened[i],
            usage.closed[i],
          )
        },
      )
      if (stored) addToPair(pairs, workload, destination, usage, i)
    }
    for (const pair of pairs.values()) {
      this.#total.run(
        pair.workload,
        pair.destination,
        pair.upload < MAX_TOTAL ? pair.upload : MAX_TOTAL,
        pair.download < MAX_TOTAL ? pair.download : MAX_TOTAL,
        pair.opened,
        pair.closed,
        pair.firstMs,
        pair.lastMs,
      )
    }
  }
}

function addToPair(
  pairs: Map<number, PairSum>,
  workload: number,
  destination: number,
  usage: UsageColumns,
  i: number,
): void {
  const key = workload * 2 ** 26 + destination
  let pair = pairs.get(key)
  if (pair === undefined) {
    pair = {
      workload,
      destination,
      upload: 0n,
      download: 0n,
      opened: 0,
      closed: 0,
      firstMs: Number.POSITIVE_INFINITY,
      lastMs: 0,
    }
    pairs.set(key, pair)
  }
  pair.upload += BigInt(usage.upload[i] as number)
  pair.download += BigInt(usage.download[i] as number)
  pair.opened += usage.opened[i] as number
  pair.closed += usage.closed[i] as number
  pair.firstMs = Math.min(pair.firstMs, usage.firstMs[i] as number)
  pair.lastMs = Math.max(pair.lastMs, usage.lastMs[i] as number)
}

function inKeyOrder(usage: UsageColumns, ids: SessionIds, refused: RefusedRows): number[] {
  const rows: number[] = []
  const workloads = new Map<number, number>()
  const destinations = new Map<number, number>()
  for (let i = 0; i < usage.count; i++) {
    refused.attempt(
      'usage',
      () => usageRow(usage, i),
      () => {
        workloads.set(i, ids.workload(usage.workload[i] as number))
        destinations.set(i, ids.destination(usage.destination[i] as number))
        rows.push(i)
      },
    )
  }
  return rows.sort(
    (a, b) =>
      (usage.windowMs[a] as number) - (usage.windowMs[b] as number) ||
      (workloads.get(a) as number) - (workloads.get(b) as number) ||
      (destinations.get(a) as number) - (destinations.get(b) as number),
  )
}

function usageRow(usage: UsageColumns, i: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(usage).flatMap(([name, column]) =>
      ArrayBuffer.isView(column) ? [[name, (column as Float64Array)[i]]] : [],
    ),
  )
}
