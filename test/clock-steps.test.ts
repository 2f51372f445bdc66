import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { App } from '../src/app.ts'
import { defaultConfig } from '../src/config/load.ts'
import { systemClocks } from '../src/runtime/system-clocks.ts'
import { AccessLogClient } from './helpers/access-log-client.ts'
import { ClockedProcess, MachineTime } from './helpers/clocked-process.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'
import { until } from './helpers/until.ts'
import { memoryLogger } from './telemetry/memory-logger.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 10, 24, 12)

const connection = fc.nat(5)
/** By how much the clock of a connection's node is ahead. */
const NODE_AHEAD_MS = [0, 0, 9 * DAY_MS, 400 * DAY_MS, -DAY_MS, 100]
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      connection,
      growth: fc.nat(1000),
      final: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('repeat' as const), connection, part: fc.nat(100) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(20_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('silence' as const),
      hours: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      wrongMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: -20_000, max: 20_000 }),
        fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }),
        // Two of these are less than 400 days apart: further back, hours are deleted for their age.
        fc.integer({ min: -199 * DAY_MS, max: 199 * DAY_MS }),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      sameBoot: fc.boolean(),
      kill: fc.boolean(),
      downMs: fc.nat(600_000),
    }),
  },
)

test('whatever the wall clock does, across restarts: totals are the highest counters, windows add up to them', (t) => {
  const folder = temporaryFolder(t)
  let runs = 0
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const path = join(folder, `file-${runs++}.db`)
      const time = new MachineTime(START_MS)
      let serve = new ClockedProcess(path, time)
      const counters = new Map<number, { startMs: number; upload: number }>()
      for (const one of actions) {
        if (one.kind === 'report') {
          const aheadMs = NODE_AHEAD_MS[one.connection] ?? 0
          const known = counters.get(one.connection) ?? { startMs: time.nowMs + aheadMs, upload: 0 }
          known.upload += one.growth
          counters.set(one.connection, known)
          serve.receive({ ...known, connection: one.connection, final: one.final })
        } else if (one.kind === 'repeat') {
          const known = counters.get(one.connection)
          if (known === undefined) continue
          const upload = Math.floor((known.upload * one.part) / 100)
          serve.receive({ connection: one.connection, startMs: known.startMs, upload })
        } else if (one.kind === 'pass') serve.pass(one.ms)
        else if (one.kind === 'silence') serve.pass(one.hours * HOUR_MS)
        else if (one.kind === 'set') time.wrongMs = one.wrongMs
        else {
          if (one.kill) serve.kill()
          else serve.stop()
          time.nowMs += one.downMs
          if (!one.sameBoot) time.bootId += '+'
          serve = new ClockedProcess(path, time)
        }
      }
      // What a killed process had not committed comes again with the next report.
      for (const [number, known] of counters) serve.receive({ ...known, connection: number })
      serve.stop()
      const expected = [...counters.values()].reduce((sum, { upload }) => sum + upload, 0)
      assert.deepEqual(sums(path), [expected, expected, expected, counters.size])
    }),
    { numRuns: Number(process.env['SNIMETER_CLOCK_RUNS'] ?? 40) },
  )
})

/** Bytes of totals, windows and connections, and connections. */
function sums(path: string): number[] {
  const database = new Database(path, { readonly: true })
  try {
    const one = (sql: string): number => Number(database.prepare(sql).pluck().get())
    return [
      one('SELECT coalesce(sum(upload_bytes), 0) FROM sni_totals'),
      one('SELECT coalesce(sum(upload_bytes), 0) FROM usage'),
      one('SELECT coalesce(sum(upload_bytes), 0) FROM connections'),
      one('SELECT coalesce(sum(connections), 0) FROM sni_totals'),
    ]
  } finally {
    database.close()
  }
}

test('serve says that the wall clock was set, in the log and as a metric, and books by it', async (t) => {
  const path = join(temporaryFolder(t), 'file.db')
  const config = defaultConfig()
  let wrongMs = 3 * HOUR_MS
  const logger = memoryLogger()
  const newApp = (): App => {
    const app = new App(
      {
        ...config,
        als: { ...config.als, listen: '127.0.0.1:0' },
        http: { ...config.http, listen: '127.0.0.1:0' },
        store: { ...config.store, path, commitIntervalMs: 50 },
      },
      { logger, clocks: { ...systemClocks(), wallMs: () => Date.now() + wrongMs } },
    )
    t.after(() => app.stop())
    return app
  }
  const app = newApp()
  await app.start()
  wrongMs = 0
  const metrics = async (of = app): Promise<string> =>
    (await fetch(`http://${of.httpAddress}/metrics`)).text()
  await until('the step is taken over', async () =>
    (await metrics()).includes('snimeter_clock_steps_total{direction="back"} 1'),
  )
  assert.match(await metrics(), /snimeter_clock_offset_seconds -?(0|0\.\d+|\d\.?\d*e-\d+)\n/)
  assert.ok(logger.lines.some(({ message }) => message.startsWith('the wall clock was set')))
  using client = new AccessLogClient(app.alsAddress)
  const stream = client.open()
  const nowMs = Date.now()
  await stream.send(
    tcpMessage(
      [
        tcpEntry({
          streamId: '00000000-0000-4000-8000-000000000001',
          type: 3,
          sni: 'a.example',
          startMs: nowMs - 20,
          durationMs: 10,
          upload: 7,
        }),
      ],
      SHOP_SIDECAR,
    ),
  )
  await stream.end()
  assert.deepEqual(await app.stop(), { committed: true })
  const database = new Database(path, { readonly: true })
  const [windowMs, upload] = database
    .prepare('SELECT window_ms, upload FROM usage_minute')
    .raw()
    .get() as number[]
  database.close()
  assert.equal(windowMs, Math.floor((nowMs - 10) / 60_000) * 60_000)
  assert.equal(upload, 7)
  // One that starts with a wrong clock says so at once: the file knows better.
  wrongMs = -2 * HOUR_MS
  const next = newApp()
  await next.start()
  assert.match(await metrics(next), /snimeter_clock_steps_total\{direction="back"\} 1\n/)
  assert.ok(logger.lines.some(({ message }) => message.startsWith('the wall clock and the newest'))) // Before its folder is removed.
  assert.deepEqual(await next.stop(), { committed: true })
})
