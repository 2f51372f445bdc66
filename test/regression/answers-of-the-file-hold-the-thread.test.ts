import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Committer } from '../../src/committer.ts'
import { defaultConfig } from '../../src/config/load.ts'
import { Pipeline } from '../../src/pipeline.ts'
import { Store } from '../../src/store/store.ts'
import { EntryType, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { HeldThread } from '../helpers/held-thread.ts'
import { SHOP_SIDECAR } from '../helpers/shop-sidecar.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { select } from '../helpers/totals.ts'

const CONNECTIONS = 20_000
const PER_MESSAGE = 1000
/** A turn has a few milliseconds of work; before, all answers were one turn of 100 to 250 ms. */
const MOST_MS = 60

/** `serve` without its sockets, on the file. */
async function open(t: TestContext, path: string, nowMs: number) {
  const config = defaultConfig()
  const store = new Store(
    { path, windowSeconds: 60, changeWindows: true, retention: config.store.retention },
    { trouble: () => undefined, recovered: () => undefined, failed: () => undefined },
  )
  const pipeline = new Pipeline(config, await store.open(nowMs))
  t.after(() => store.stop())
  pipeline.restore([], [], nowMs)
  return { store, pipeline, committer: new Committer(pipeline, store) }
}

/** Connections that have ended just now, after an hour. */
const ends = (first: number, count: number, nowMs: number): Buffer =>
  tcpMessage(
    Array.from({ length: count }, (_, n) =>
      tcpEntry({
        streamId: `00000000-0000-4000-8000-${String(first + n).padStart(12, '0')}`,
        type: EntryType.tcpConnectionEnd,
        sni: 'a.example',
        startMs: nowMs - 3_600_000,
        durationMs: 3_599_000,
        upload: 3,
        download: 4,
      }),
    ),
    SHOP_SIDECAR,
  )

test('a backlog of connections that the file is asked about does not hold the thread', async (t) => {
  const path = join(temporaryFolder(t), 'file.db')
  const nowMs = Date.now()
  const before = await open(t, path, nowMs)
  before.pipeline.message(before.pipeline.openStream(), ends(0, 1, nowMs), nowMs)
  await before.committer.flush()
  await before.store.stop()

  const { pipeline, committer } = await open(t, path, nowMs)
  const stream = pipeline.openStream()
  // The first one is in the file already.
  for (let at = 0; at < CONNECTIONS; at += PER_MESSAGE) {
    pipeline.message(stream, ends(at, PER_MESSAGE, nowMs), nowMs)
  }
  assert.equal(pipeline.held.size, CONNECTIONS)
  const held = new HeldThread()
  await committer.ask()
  // The turn that is under way counts, too.
  await turn()
  const longestMs = held.stop()
  t.diagnostic(`${longestMs.toFixed(0)} ms at most`)
  assert.equal(pipeline.held.size, 0)
  await committer.flush()
  const [totals] = select(
    path,
    'SELECT sum(upload_bytes) AS up, sum(download_bytes) AS down, sum(connections) AS n FROM workload_sni_totals',
  )
  assert.deepEqual(totals, { up: 60_000n, down: 80_000n, n: 20_000n })
  assert.ok(longestMs < MOST_MS, `${longestMs} ms`)
})
