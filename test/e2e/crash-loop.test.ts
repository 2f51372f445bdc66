import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Random, runSeed } from '../helpers/random.ts'
import { databaseIn, type ServeProcess, startServe } from '../helpers/serve.ts'
import { SyntheticLoad } from '../helpers/synthetic-load.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import {
  assertableSums,
  integrity,
  select,
  type Totals,
  totalsByWorkloadAndName,
} from '../helpers/totals.ts'

/** How often the receiver is killed in one run. */
const ROUNDS = Number(process.env['SNIMETER_CRASH_ROUNDS'] ?? 30)
const WORKLOADS = [
  { namespace: 'shop', workload: 'checkout' },
  { namespace: 'ml', workload: 'trainer' },
  { namespace: 'batch', workload: 'backup' },
]
const NAMES = Array.from({ length: 20 }, (_, i) => `bucket-${i}.oss-cn-shanghai.aliyuncs.com`)

test(`totals are exact after ${ROUNDS} kill -9 at random moments under load`, async (t) => {
  const seed = runSeed()
  t.diagnostic(`SNIMETER_TEST_SEED=${seed}`)
  const random = new Random(seed)
  const db = databaseIn(temporaryFolder(t))
  const loads = WORKLOADS.map(
    (workload, index) =>
      new SyntheticLoad({
        ...workload,
        names: NAMES,
        openConnections: 300,
        random: new Random(seed + index + 1),
        nowMs: () => Date.now(),
      }),
  )
  t.after(() => {
    for (const load of loads) load.cancel()
  })

  for (let round = 1; round <= ROUNDS; round += 1) {
    const serve = await startServe(t, {
      db,
      env: { SNIMETER_STORE_COMMIT_INTERVAL: `${random.integer(100, 600)}ms` },
    })
    const life = random.integer(50, 3000)
    const killed = sleep(life).then(() => serve.kill())
    await Promise.all(loads.map((load) => sendUntilKilled(load, serve)))
    await killed
    // Whatever the moment: nothing twice, and the windows add up to the totals.
    assertNotAbove(totalsByWorkloadAndName(db), truthOf(loads))
    assertAgreement(db)
  }

  const serve = await startServe(t, { db })
  for (const load of loads) assert.ok(await load.sayEverythingAgain(serve.alsAddress))
  assert.equal(await serve.terminate(), 0, serve.stderr)
  const connections = loads.reduce((sum, load) => sum + load.connections, 0)
  t.diagnostic(`${connections} connections`)
  assert.deepEqual(totalsByWorkloadAndName(db), truthOf(loads))
  assertAgreement(db)
  const [row] = select(db, 'SELECT sum(connections_closed) AS closed FROM usage')
  assert.equal(row?.['closed'], BigInt(connections))
  assert.deepEqual(select(db, 'SELECT state, count(*) AS n FROM connections GROUP BY state'), [
    { state: 'closed', n: BigInt(connections) },
  ])
  assert.equal(integrity(db), 'ok')

  const again = await startServe(t, { db })
  for (const load of loads) assert.ok(await load.sayEverythingAgain(again.alsAddress))
  assert.equal(await again.terminate(), 0, again.stderr)
  assert.deepEqual(totalsByWorkloadAndName(db), truthOf(loads), 'saying it all again adds nothing')
})

async function sendUntilKilled(load: SyntheticLoad, serve: ServeProcess): Promise<void> {
  while (!serve.hasExited) {
    await load.step(serve.alsAddress)
    await sleep(5)
  }
  load.cancel()
}

function truthOf(loads: readonly SyntheticLoad[]): Totals {
  return Object.assign({}, ...loads.map(({ truth }) => truth)) as Totals
}

function assertNotAbove(counted: Totals, truth: Totals): void {
  for (const [key, { upload, download, connections }] of Object.entries(counted)) {
    const limit = truth[key]
    assert.ok(limit, `${key} was never sent`)
    assert.ok(upload <= limit.upload, `${key}: upload ${upload} > ${limit.upload}`)
    assert.ok(download <= limit.download, `${key}: download ${download} > ${limit.download}`)
    assert.ok(connections <= limit.connections, `${key}: connections`)
  }
}

function assertAgreement(db: string): void {
  const { usage, totals } = assertableSums(db)
  const { closed: _, ...opened } = usage as Record<string, unknown>
  assert.deepEqual(opened, totals)
}
