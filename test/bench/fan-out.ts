import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Writer } from '../../src/store/writer.ts'
import { makeBatch, type UsageIncrement } from '../store/batch-fixture.ts'
import { LOAD, STREAMS } from './end-to-end.ts'
import { LoadClient } from './load-client.ts'
import { ServerUnderTest } from './server-under-test.ts'
import { differences } from './truth.ts'

const MINUTE_MS = 60_000
const GRACE_MS = 120_000
const NAMES = 50
const ENTRIES_PER_SECOND = 50_000

export interface Sending {
  /** From the start of the server to the last acknowledgement that is in the file. */
  readonly eventsPerSecond: number
  /** Delay of the receiving thread while it takes 50 k entries/s, ms. */
  readonly loopP99Ms: number
  /** Rows in which totals differ from what was sent meanwhile. */
  readonly differences: readonly string[]
}

/** Where events go; undefined = the same load and the same file without a sink, to compare with. */
export type Target = { readonly brokers: string; readonly topic: string } | undefined

/** Usage of closed windows that no sink has got yet. */
interface Backlog {
  readonly windows: number
  readonly rowsPerWindow: number
  readonly windowMs: number
  /** Start of the first window, unix ms. */
  readonly firstMs: number
}

/**
 * A broker is back: a backlog drains as fast as it goes, which is several times what the promise asks
 * for, while the server takes 50 k entries/s.
 */
export async function benchDrain(events: number, seconds: number, to: Target): Promise<Sending> {
  const windows = 20
  const lastMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - GRACE_MS - MINUTE_MS
  const firstMs = lastMs - (windows - 1) * MINUTE_MS
  const backlog = { windows, rowsPerWindow: events / windows, windowMs: MINUTE_MS, firstMs }
  return send(backlog, seconds, to)
}

async function send(backlog: Backlog, seconds: number, to: Target): Promise<Sending> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-'))
  const file = join(folder, 'bench.db')
  fillBacklog(file, backlog)
  // The sinks' thread is there to run on another core than the one that receives.
  const server = new ServerUnderTest('snimeter', folder, {
    oneCore: false,
    env: {
      SNIMETER_ROLLUP_WINDOW: `${backlog.windowMs}ms`,
      SNIMETER_ROLLUP_GRACE: `${GRACE_MS}ms`,
      ...(to && { SNIMETER_KAFKA_BROKERS: to.brokers, SNIMETER_KAFKA_TOPIC: to.topic }),
    },
  })
  const load = new LoadClient()
  try {
    const startMs = performance.now()
    await server.start()
    await load.connect(server.address, STREAMS, LOAD.plain)
    await server.loopDelay()
    const events = backlog.windows * backlog.rowsPerWindow
    const drained = to && acknowledged(file, events, startMs)
    await load.run(seconds, ENTRIES_PER_SECOND)
    const { p99 } = await server.loopDelay()
    const drainedMs = await drained
    const truth = await load.end()
    await server.stop()
    // The backlog's rows are of the namespace "default", the load's are not.
    const received = server.totals().filter(({ namespace }) => namespace !== 'default')
    return {
      eventsPerSecond: drainedMs === undefined ? 0 : (events / drainedMs) * 1000,
      loopP99Ms: p99,
      differences: differences(truth.rows, received),
    }
  } finally {
    load.stop()
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

function fillBacklog(path: string, { windows, rowsPerWindow, windowMs, firstMs }: Backlog): void {
  const writer = new Writer({
    path,
    windowSeconds: windowMs / 1000,
    changeWindows: true,
    retention: { hoursMs: 1e12, connectionsMs: 1e12 },
    outbox: {
      instance: 'snimeter',
      graceMs: GRACE_MS,
      sinks: ['kafka'],
      maxEvents: 20_000,
      maxParked: 20_000,
    },
  })
  writer.open(firstMs)
  for (let i = 0; i < windows; i++) {
    const startMs = firstMs + i * windowMs
    const usage = rowsOf(startMs, windowMs / 1000, rowsPerWindow)
    // The newest moment stays where nothing has closed.
    writer.apply(makeBatch({ sequence: i + 1, clock: { newestMs: firstMs }, usage }))
  }
  writer.close()
}

function rowsOf(windowMs: number, windowSeconds: number, count: number): UsageIncrement[] {
  return Array.from({ length: count }, (_, i) => ({
    windowMs,
    windowSeconds,
    workload: `backlog-${Math.floor(i / NAMES)}`,
    sni: `bucket-${i % NAMES}.oss-cn-shanghai.aliyuncs.com`,
    upload: 1000 + i,
    download: 100_000 + i,
    opened: 1,
  }))
}

/** Milliseconds until the file says that everything of the backlog is acknowledged. */
async function acknowledged(file: string, events: number, startMs: number): Promise<number> {
  const database = new Database(file, { readonly: true })
  try {
    const acknowledged = database.prepare('SELECT sequence - events FROM sink').pluck()
    for (;;) {
      if ((acknowledged.get() as number) >= events) return performance.now() - startMs
      if (performance.now() - startMs > 120_000) throw new Error('the backlog does not drain')
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
  } finally {
    database.close()
  }
}
