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

export interface DrainResult {
  readonly events: number
  /** From the first look at the server to the last acknowledgement that is in the file. */
  readonly eventsPerSecond: number
  /** Delay of the receiving thread while it takes 50 k entries/s, ms. */
  readonly loopP99Ms: number
  /** Rows in which totals differ from what was sent meanwhile. */
  readonly differences: readonly string[]
}

/**
 * A server with a backlog of events and a broker that is back: how fast it drains, while it takes
 * 50 k entries/s. Without `brokers` the same load with no sink, to compare with.
 */
export async function benchDrain(
  events: number,
  seconds: number,
  kafka: { readonly brokers: string; readonly topic: string } | undefined,
): Promise<DrainResult> {
  const folder = mkdtempSync(join(tmpdir(), 'snimeter-bench-'))
  const file = join(folder, 'bench.db')
  if (kafka !== undefined) fillBacklog(file, events, Date.now())
  const env =
    kafka === undefined
      ? {}
      : { SNIMETER_KAFKA_BROKERS: kafka.brokers, SNIMETER_KAFKA_TOPIC: kafka.topic }
  const server = new ServerUnderTest('snimeter', folder, env)
  const load = new LoadClient()
  try {
    await server.start()
    const startMs = performance.now()
    await load.connect(server.address, STREAMS, LOAD.plain)
    await server.loopDelay()
    const drained = kafka === undefined ? undefined : drain(file, events, startMs)
    await load.run(seconds, ENTRIES_PER_SECOND)
    const { p99 } = await server.loopDelay()
    const drainedMs = await drained
    const truth = await load.end()
    await server.stop()
    return {
      events,
      eventsPerSecond: drainedMs === undefined ? 0 : (events / drainedMs) * 1000,
      loopP99Ms: p99,
      differences: differences(
        truth.rows,
        server.totals().filter(({ namespace }) => namespace !== 'default'),
      ),
    }
  } finally {
    load.stop()
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Closed windows of the last half hour that no sink has got yet. */
function fillBacklog(path: string, events: number, nowMs: number): void {
  const writer = new Writer({
    path,
    windowSeconds: 60,
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
  writer.open(nowMs)
  const windows = 20
  const last = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - GRACE_MS - MINUTE_MS
  for (let i = 0; i < windows; i++) {
    const windowMs = last - (windows - 1 - i) * MINUTE_MS
    writer.apply(
      makeBatch({
        sequence: i + 1,
        clock: { newestMs: windowMs },
        usage: rowsOf(windowMs, events / windows),
      }),
    )
  }
  writer.close()
}

function rowsOf(windowMs: number, count: number): UsageIncrement[] {
  return Array.from({ length: count }, (_, i) => ({
    windowMs,
    workload: `backlog-${Math.floor(i / NAMES)}`,
    sni: `bucket-${i % NAMES}.oss-cn-shanghai.aliyuncs.com`,
    upload: 1000 + i,
    download: 100_000 + i,
    opened: 1,
  }))
}

/** Milliseconds until the file says that everything of the backlog is acknowledged. */
async function drain(file: string, events: number, startMs: number): Promise<number> {
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
