import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageLedger } from '../../examples/billing-consumer/ledger.ts'
import { type ProxiedBroker, startProxiedBroker } from '../helpers/kafka/proxied-broker.ts'
import { readTopic } from '../helpers/kafka/read-topic.ts'
import { Random, runSeed } from '../helpers/random.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { SyntheticLoad } from '../helpers/synthetic-load.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { integrity, select, totalsByWorkloadAndName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

/** Rounds of trouble in one run. */
const ROUNDS = Number(process.env['SNIMETER_KAFKA_ROUNDS'] ?? 20)
const TOPIC = 'snimeter.usage.v1'
const NAMES = Array.from({ length: 20 }, (_, i) => `bucket-${i}.oss-cn-shanghai.aliyuncs.com`)
const WORKLOADS = ['checkout', 'trainer', 'backup']

/** Windows of a second: every pause is a late change for somebody. */
const FAST = {
  SNIMETER_ROLLUP_WINDOW: '1s',
  SNIMETER_ROLLUP_GRACE: '2s',
  SNIMETER_LEDGER_FLUSH_INTERVAL: '1s',
  SNIMETER_STORE_COMMIT_INTERVAL: '200ms',
  SNIMETER_KAFKA_CONNECT_TIMEOUT: '1s',
  SNIMETER_KAFKA_REQUEST_TIMEOUT: '2s',
  // Small enough to be full now and then.
  SNIMETER_OUTBOX_MAX_EVENTS: '300',
  SNIMETER_KAFKA_BATCH_EVENTS: '50',
  SNIMETER_FILES_MAX_AGE: '5s',
}

type Trouble = (kafka: ProxiedBroker, random: Random) => Promise<void>

/** Each ends within a few seconds; afterwards the network passes and the broker runs again. */
const TROUBLES: readonly Trouble[] = [
  async ({ broker }, random) => {
    await broker.kill()
    await sleep(random.integer(0, 2000))
  },
  async ({ proxy }, random) => {
    proxy.stall()
    await sleep(random.integer(500, 4000))
    proxy.cut()
  },
  async ({ broker }, random) => {
    broker.freeze()
    await sleep(random.integer(500, 4000))
    broker.thaw()
  },
  async ({ proxy }, random) => {
    proxy.delay(random.integer(50, 1500))
    await sleep(3000)
  },
  async ({ proxy }, random) => {
    for (let i = 0; i < 5; i++) {
      proxy.cut()
      await sleep(random.integer(100, 700))
    }
  },
  async ({ proxy }, random) => {
    proxy.refuse()
    await sleep(random.integer(500, 4000))
  },
]

test(`what consumers come to is what the file says, after ${ROUNDS} rounds of killed and frozen brokers, broken networks and killed receivers`, async (t) => {
  const seed = runSeed()
  t.diagnostic(`SNIMETER_TEST_SEED=${seed}`)
  const random = new Random(seed)
  const kafka = await startProxiedBroker(t)
  if (kafka === undefined) return
  const { broker, proxy } = kafka
  await broker.createTopic(TOPIC, { partitions: 3 })
  const folder = temporaryFolder(t)
  const db = databaseIn(folder)
  const files = join(folder, 'events')
  const env = { ...FAST, SNIMETER_KAFKA_BROKERS: proxy.address, SNIMETER_FILES_DIRECTORY: files }
  const loads = WORKLOADS.map(
    (workload, index) =>
      new SyntheticLoad({
        namespace: 'shop',
        workload,
        names: NAMES,
        openConnections: 100,
        random: new Random(seed + index + 1),
        nowMs: () => Date.now(),
      }),
  )
  t.after(() => {
    for (const load of loads) load.cancel()
  })

  let serve = await startServe(t, { db, env })
  for (let round = 0; round < ROUNDS; round++) {
    const trouble = (TROUBLES[round % TROUBLES.length] as Trouble)(kafka, random)
    const endMs = performance.now() + random.integer(2000, 4500)
    while (performance.now() < endMs) {
      await Promise.all(loads.map((load) => load.step(serve.alsAddress)))
      await sleep(20)
    }
    assert.equal((await fetch(`${serve.httpUrl}/readyz`)).status, 200, 'ready without Kafka')
    // The receiver is killed while the trouble lasts, or after it, or not at all.
    const killed = round % 3
    if (killed === 1) await serve.kill()
    await trouble
    proxy.pass()
    await broker.start()
    if (killed === 2) await serve.kill()
    if (serve.hasExited) serve = await startServe(t, { db, env })
  }

  for (const load of loads) assert.ok(await load.sayEverythingAgain(serve.alsAddress))
  await until('both sinks have everything', () => everythingIsOut(db), 90_000)
  assert.equal(await serve.terminate(), 0, serve.stderr)
  const truth = Object.assign({}, ...loads.map((load) => load.truth))
  assert.deepEqual(totalsByWorkloadAndName(db), truth)
  assert.equal(integrity(db), 'ok')

  const records = await readTopic(broker.address, TOPIC)
  const fromKafka = new UsageLedger(':memory:')
  for (const record of records) fromKafka.apply(record)
  const fromFiles = new UsageLedger(':memory:')
  for (const value of linesIn(files)) fromFiles.apply({ value, headers: {} })
  for (const [sink, ledger] of [
    ['kafka', fromKafka],
    ['files', fromFiles],
  ] as const) {
    const { violations, repeats, rows } = ledger.report()
    const [row] = select(db, 'SELECT count(*) AS n FROM publications WHERE sink = ?', sink)
    t.diagnostic(`${sink}: ${String(row?.['n'])} revisions, ${repeats} repeats`)
    assert.deepEqual(violations, [])
    assert.deepEqual(rows, publishedRows(db, sink))
  }
})

/** Every row is published with what it has come to, and nothing waits. */
function everythingIsOut(db: string): boolean {
  const [sinks] = select(db, 'SELECT sum(waiting + parked + changed) AS n FROM sinks')
  const [usage] = select(db, 'SELECT count(*) AS n FROM usage WHERE revision = 0')
  return sinks?.['n'] === 0n && usage?.['n'] === 0n
}

/** What a sink's consumer should have: the rows of `usage`, and how often each was published. */
function publishedRows(db: string, sink: string): unknown[] {
  return select(
    db,
    `SELECT u.window_start AS windowStart,
            concat_ws('/', u.cluster, u.namespace, u.workload_kind, u.workload) AS workload, u.sni,
            max(p.revision) AS revision, u.upload_bytes AS upload, u.download_bytes AS download,
            u.connections_opened AS opened, u.connections_closed AS closed
     FROM usage u
     JOIN publications p USING (window_start, cluster, namespace, workload_kind, workload, sni, name_source)
     WHERE p.sink = ?
     GROUP BY u.window_start, u.workload, u.sni, u.name_source
     ORDER BY 1, 2, 3`,
    sink,
  )
}

function linesIn(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => name.startsWith('usage-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
}
