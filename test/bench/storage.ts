import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Database from 'better-sqlite3'
import type { StoreBatch } from '../../src/model/batch.ts'
import { REJECT_REASONS } from '../../src/model/reject-reason.ts'
import { Store } from '../../src/store/store.ts'
import { median } from './median.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 0, 1, 12)
const LOOP_RESOLUTION_MS = 2

export interface CommitResult {
  readonly pairs: number
  /** Median, from handing the batch over to the answer. */
  readonly commitMs: number
  readonly firstCommitMs: number
  /** Delay of the thread that commits are asked from, while they run. */
  readonly loopP99Ms: number
  readonly loopMaxMs: number
}

/** Commits batches in which every one of `workloads * names` pairs has changed. */
export async function benchCommit(
  workloads: number,
  names: number,
  commits: number,
): Promise<CommitResult> {
  return withStore(async (store) => {
    const took: number[] = []
    await store.commit(definitions(workloads, names))
    const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    // Batches are made before the clock runs: cutting them is the pipeline's work, not the store's.
    const batches = Array.from({ length: commits }, (_, i) => usageBatch(i + 2, workloads, names))
    delay.enable()
    for (const batch of batches) {
      const start = performance.now()
      await store.commit(batch)
      took.push(performance.now() - start)
    }
    delay.disable()
    const beyond = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_RESOLUTION_MS)
    return {
      pairs: workloads * names,
      firstCommitMs: took[0] as number,
      commitMs: median(took),
      loopP99Ms: beyond(delay.percentile(99)),
      loopMaxMs: beyond(delay.max),
    }
  })
}

export interface TotalsResult {
  readonly usageRows: number
  readonly pairs: number
  readonly fileBytes: number
  /** Medians of reading a whole view. */
  readonly sniTotalsMs: number
  readonly workloadTotalsMs: number
  readonly workloadSniTotalsMs: number
}

/** Reads the totals beside so many rows of usage: 100,000 pairs times as many minutes as it takes. */
export async function benchTotals(usageRows: number): Promise<TotalsResult> {
  const workloads = 500
  const names = 200
  const pairs = workloads * names
  const minutes = Math.ceil(usageRows / pairs)
  return withStore(async (store, path) => {
    await store.commit(definitions(workloads, names))
    await store.commit(usageBatch(2, workloads, names))
    await store.stop()
    const database = new Database(path)
    // More minutes of the pairs just committed, by SQL: the totals do not have to add up here.
    database.pragma('synchronous = OFF')
    database.exec(`
      INSERT INTO usage_minute
      WITH RECURSIVE minute(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM minute WHERE n < ${minutes - 1})
      SELECT u.window_ms + n * ${MINUTE_MS}, u.workload_id, u.destination_id, u.window_seconds,
             u.upload, u.download, u.estimated, u.opened, u.closed
      FROM minute JOIN (SELECT * FROM usage_minute) u ORDER BY 1, 2, 3`)
    database.pragma('wal_checkpoint(TRUNCATE)')
    const count = database.prepare('SELECT count(*) FROM usage_minute').pluck().get() as number
    const pages = database.pragma('page_count', { simple: true }) as number
    const pageBytes = database.pragma('page_size', { simple: true }) as number
    database.close()
    return {
      usageRows: count,
      pairs,
      fileBytes: pages * pageBytes,
      sniTotalsMs: timeView(path, 'sni_totals'),
      workloadTotalsMs: timeView(path, 'workload_totals'),
      workloadSniTotalsMs: timeView(path, 'workload_sni_totals'),
    }
  })
}

/** A fresh connection each time, as the CLI would open one. */
function timeView(path: string, view: string): number {
  return median(
    Array.from({ length: 5 }, () => {
      const database = new Database(path, { readonly: true })
      const start = performance.now()
      database.prepare(`SELECT * FROM ${view}`).all()
      const took = performance.now() - start
      database.close()
      return took
    }),
  )
}

async function withStore<T>(use: (store: Store, path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-'))
  const path = join(folder, 'bench.db')
  const store = new Store({
    path,
    windowSeconds: 60,
    changeWindows: false,
    retention: { hoursMs: 400 * DAY_MS, connectionsMs: 7 * DAY_MS },
  })
  try {
    await store.open(START_MS)
    return await use(store, path)
  } finally {
    await store.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A batch that only names workloads and destinations. */
function definitions(workloads: number, names: number): StoreBatch {
  const empty = usageBatch(1, 0, 0)
  return {
    ...empty,
    definitions: {
      ...empty.definitions,
      workloads: Array.from({ length: workloads }, (_, id) => ({
        id,
        workload: {
          cluster: 'Kubernetes',
          namespace: `team-${id % 10}`,
          kind: 'Deployment',
          name: `service-${id}`,
        },
      })),
      pods: Array.from({ length: workloads }, (_, id) => ({
        id,
        pod: `service-${id}-5d8f7c9b6-x2x4z`,
        workload: id,
      })),
      destinations: Array.from({ length: names }, (_, id) => ({
        id,
        destination: { name: `bucket-${id}.example.com`, nameSource: 'sni' as const },
      })),
    },
  }
}

/** A batch with usage of every pair in the window of its sequence number. */
function usageBatch(sequence: number, workloads: number, names: number): StoreBatch {
  const count = workloads * names
  const newestMs = START_MS + sequence * 1000
  const windowMs = Math.floor(newestMs / MINUTE_MS) * MINUTE_MS
  const f64 = (value: (i: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => value(i))
  const i32 = (value: (i: number) => number): Int32Array =>
    Int32Array.from({ length: count }, (_, i) => value(i))
  return {
    sequence,
    clock: { ledgerMs: sequence * 1000, newestMs, minutesFromMs: 0, newestStartMs: newestMs },
    definitions: {
      workloads: [],
      nodes: [],
      destinations: [],
      pods: [],
      clusters: [],
      released: { workloads: [], nodes: [], destinations: [], pods: [], clusters: [] },
    },
    usage: {
      count,
      windowMs: f64(() => windowMs),
      windowSeconds: i32(() => 60),
      workload: i32((i) => Math.floor(i / names)),
      pod: i32((i) => Math.floor(i / names)),
      destination: i32((i) => i % names),
      upload: f64((i) => 1000 + i),
      download: f64((i) => 100_000 + i),
      estimated: f64(() => 0),
      opened: i32(() => 1),
      closed: i32(() => 1),
      firstMs: f64(() => newestMs - 500),
      lastMs: f64(() => newestMs),
    },
    connections: noConnections(),
    coverage: {
      count: 0,
      windowMs: new Float64Array(0),
      windowSeconds: new Int32Array(0),
      node: new Int32Array(0),
      entries: new Float64Array(0),
      seen: new Int32Array(0),
      closed: new Int32Array(0),
      hopBytes: new Float64Array(0),
      reasons: REJECT_REASONS,
      rejected: new Float64Array(0),
    },
  }
}

function noConnections(): StoreBatch['connections'] {
  const bytes = new Uint8Array(0)
  const words = new Int32Array(0)
  const doubles = new Float64Array(0)
  return {
    count: 0,
    key: bytes,
    kind: bytes,
    identityKind: bytes,
    meter: bytes,
    state: bytes,
    node: words,
    workload: words,
    pod: words,
    destination: words,
    cluster: words,
    address: words,
    port: new Uint16Array(0),
    startMs: doubles,
    momentMs: doubles,
    previousSpanStartMs: doubles,
    previousSpanEndMs: doubles,
    lastDeltaBytes: doubles,
    lastArrivalMs: doubles,
    lastLedgerMs: doubles,
    upload: doubles,
    download: doubles,
    lost: doubles,
    hop: bytes,
  }
}
