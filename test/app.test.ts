import assert from 'node:assert/strict'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import workerThreads, { type Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { App } from '../src/app.ts'
import { defaultConfig } from '../src/config/load.ts'
import type { Config } from '../src/config.ts'
import { AccessLogClient } from './helpers/access-log-client.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'
import { until } from './helpers/until.ts'
import { memoryLogger } from './telemetry/memory-logger.ts'

const HOUR = 3_600_000
/** A connection says the same start in all its entries. */
const START = Date.now() - 60_000

function configFor(path: string, over: Partial<Config> = {}): Config {
  const config = defaultConfig()
  return {
    ...config,
    als: { ...config.als, listen: '127.0.0.1:0' },
    http: { ...config.http, listen: '127.0.0.1:0' },
    store: { ...config.store, path, commitIntervalMs: 50 },
    shutdown: { propagationDelayMs: 0, deadlineMs: 10_000 },
    ...over,
  }
}

function newFile(t: TestContext): string {
  return join(temporaryFolder(t), 'file.db')
}

/** An app that is stopped when the test ends, however it ends. */
function makeApp(t: TestContext, config: Config): App {
  const app = new App(config, { logger: memoryLogger() })
  t.after(() => app.stop())
  return app
}

const finals = (from: number, count: number, upload: number) =>
  tcpMessage(
    Array.from({ length: count }, (_, i) =>
      tcpEntry({
        streamId: `00000000-0000-4000-8000-${String(from + i).padStart(12, '0')}`,
        type: 3,
        sni: 'a.example',
        startMs: START,
        durationMs: 20,
        upload,
      }),
    ),
    SHOP_SIDECAR,
  )

/** Sends a message and waits until the app has taken its entries. */
async function send(app: App, message: Buffer, entries: number): Promise<void> {
  using client = new AccessLogClient(app.alsAddress)
  const stream = client.open()
  await stream.send(message)
  await until('the entries are received', async () => (await entriesOf(app)) === entries)
  await stream.end()
}

async function entriesOf(app: App): Promise<number> {
  const answer = await fetch(`http://${app.httpAddress}/api/v1/status`)
  return ((await answer.json()) as { entries: number }).entries
}

function select(path: string, sql: string): unknown[][] {
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    return database.prepare(sql).raw().all() as unknown[][]
  } finally {
    database.close()
  }
}

const TOTALS = 'SELECT sni, upload_bytes, connections FROM sni_totals'

describe('stop', () => {
  it('commits what was received, and says so', async (t) => {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    await app.start()
    await send(app, finals(1, 10, 7), 10)
    assert.deepEqual(await app.stop(), { committed: true })
    assert.deepEqual(select(path, TOTALS), [['a.example', 70, 10]])
  })

  it('is safe without a start, twice, and before a start', async (t) => {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    assert.deepEqual(await app.stop(), { committed: true })
    assert.deepEqual(await app.stop(), { committed: true })
    assert.throws(() => app.alsAddress, { code: 'not_started' })
  })

  it('during a start waits for it, and lets go of the file', async (t) => {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    const started = app.start()
    assert.deepEqual(await app.stop(), { committed: true })
    await started
    const next = makeApp(t, configFor(path))
    await next.start()
    await next.stop()
  })

  it('during a start that fails is as good as without one', async (t) => {
    const path = newFile(t)
    const first = makeApp(t, configFor(path))
    await first.start()
    const second = makeApp(t, configFor(path))
    const started = assert.rejects(second.start(), { code: 'store_locked' })
    assert.deepEqual(await second.stop(), { committed: true })
    await started
  })

  it('called twice at once ends once, with one outcome for both', async (t) => {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    await app.start()
    await send(app, finals(1, 10, 7), 10)
    const outcomes = await Promise.all([
      app.stop().then((outcome) => [outcome, select(path, TOTALS)]),
      app.stop().then((outcome) => [outcome, select(path, TOTALS)]),
    ])
    const expected = [{ committed: true }, [['a.example', 70, 10]]]
    assert.deepEqual(outcomes, [expected, expected])
  })
})

describe('a start that fails', () => {
  for (const part of ['als', 'http'] as const) {
    it(`because the ${part} address is taken lets go of everything that it had opened`, async (t) => {
      const path = newFile(t)
      const taken = createServer().listen(0, '127.0.0.1')
      t.after(() => taken.close())
      await once(taken, 'listening')
      const { port } = taken.address() as AddressInfo
      const config = configFor(path)
      const app = makeApp(t, {
        ...config,
        [part]: { ...config[part], listen: `127.0.0.1:${port}` },
      })
      await assert.rejects(app.start(), new RegExp(String(port)))
      assert.deepEqual(await app.stop(), { committed: true })
      const next = makeApp(t, config)
      await next.start()
      await send(next, finals(1, 10, 7), 10)
      assert.deepEqual(await next.stop(), { committed: true })
      assert.deepEqual(select(path, TOTALS), [['a.example', 70, 10]])
    })
  }
})

describe('while another program holds the file', () => {
  it('stop gives up at its deadline and says what is missing; after the next start nothing counts twice', async (t) => {
    const path = newFile(t)
    const shutdown = { propagationDelayMs: 0, deadlineMs: 300 }
    const app = makeApp(t, configFor(path, { shutdown }))
    await app.start()
    await send(app, finals(1, 10, 7), 10)
    await until('they are in the file', () => select(path, TOTALS).length === 1)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const more = finals(11, 10, 3)
    await send(app, more, 20)
    const both = await Promise.all([app.stop(), app.stop()])
    for (const { committed, message } of both) {
      assert.equal(committed, false)
      assert.match(
        message ?? '',
        /^not everything received is in .*file\.db: the file failed \d+ attempts: database is locked \(SQLITE_BUSY\); \d+ further changed rows were waiting$/,
      )
    }
    other.exec('ROLLBACK')
    other.close()
    assert.deepEqual(select(path, TOTALS), [['a.example', 70, 10]])

    // Both messages come again, as a sender that has had no answer would send them.
    const next = makeApp(t, configFor(path))
    await next.start()
    await send(next, finals(1, 10, 7), 10)
    await send(next, more, 20)
    assert.deepEqual(await next.stop(), { committed: true })
    assert.deepEqual(select(path, TOTALS), [['a.example', 100, 20]])
  })

  it('the app stays ready, and commits everything once it is let go', async (t) => {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    await app.start()
    await send(app, finals(1, 1, 5), 1)
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    await send(app, finals(2, 10, 7), 11)
    assert.equal((await fetch(`http://${app.httpAddress}/readyz`)).status, 200)
    other.exec('ROLLBACK')
    other.close()
    assert.deepEqual(await app.stop(), { committed: true })
    assert.deepEqual(select(path, TOTALS), [['a.example', 75, 11]])
  })
})

describe('when the storage thread dies', () => {
  /** Threads made while a test runs. */
  function watchThreads(t: TestContext): Worker[] {
    const threads: Worker[] = []
    const original = workerThreads.Worker
    workerThreads.Worker = class extends original {
      constructor(...options: ConstructorParameters<typeof original>) {
        super(...options)
        threads.push(this)
      }
    }
    syncBuiltinESMExports()
    t.after(() => {
      workerThreads.Worker = original
      syncBuiltinESMExports()
    })
    return threads
  }

  it('the app says that it has failed, stop says what is missing, and a new one counts on', async (t) => {
    const path = newFile(t)
    const threads = watchThreads(t)
    const app = makeApp(t, configFor(path))
    await app.start()
    await send(app, finals(1, 10, 7), 10)
    await until('they are in the file', () => select(path, TOTALS).length === 1)
    const [storage] = threads
    await storage?.terminate()
    await send(app, finals(11, 10, 3), 20)
    assert.equal((await app.failed).message, 'the storage thread has ended')
    const { committed, message } = await app.stop()
    assert.equal(committed, false)
    assert.match(message ?? '', /the storage thread has ended/)

    const next = makeApp(t, configFor(path))
    await next.start()
    await send(next, finals(1, 20, 7), 20)
    assert.deepEqual(await next.stop(), { committed: true })
    assert.deepEqual(select(path, TOTALS), [['a.example', 140, 20]])
  })
})

describe('the newest moment of the file', () => {
  /** A file whose newest moment is this far ahead of the clock. */
  async function fileAhead(t: TestContext, ms: number): Promise<{ path: string; newest: number }> {
    const path = newFile(t)
    const app = makeApp(t, configFor(path))
    await app.start()
    await app.stop()
    const newest = Date.now() + ms
    const database = new Database(path)
    database.prepare('UPDATE ledger SET newest_ms = ?').run(newest)
    database.close()
    return { path, newest }
  }

  for (const [name, ms] of [
    ['a minute', 60_000],
    ['two hours', 2 * HOUR],
    ['a year', 365 * 24 * HOUR],
  ] as const) {
    it(`${name} ahead of the clock: the file is taken, and arrivals have the time of the clock`, async (t) => {
      const { path } = await fileAhead(t, ms)
      const startMs = Date.now()
      const app = makeApp(t, configFor(path))
      await app.start()
      await send(app, finals(1, 10, 7), 10)
      assert.deepEqual(await app.stop(), { committed: true })
      assert.deepEqual(select(path, TOTALS), [['a.example', 70, 10]])
      const [row] = select(
        path,
        'SELECT min(last_arrival_ms), max(last_arrival_ms), count(*) FROM connection',
      )
      assert.ok(Number(row?.[0]) >= startMs && Number(row?.[1]) <= Date.now())
      assert.equal(row?.[2], 10)
      const [after] = select(path, 'SELECT newest_ms FROM ledger')
      assert.ok(Number(after?.[0]) <= Date.now())
    })
  }
})
