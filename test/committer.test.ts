import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Committer } from '../src/committer.ts'
import { defaultConfig } from '../src/config/load.ts'
import type { StoreBatch } from '../src/model/batch.ts'
import type { StoredConnection } from '../src/model/connection.ts'
import { Pipeline } from '../src/pipeline.ts'
import { tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { SHOP_SIDECAR } from './helpers/shop-sidecar.ts'
import { until } from './helpers/until.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const OUTCOME = {
  rowsRefused: 0,
  saturated: 0,
  outbox: { sinks: [], minutesHoldMs: Number.MAX_SAFE_INTEGER },
  durationMs: 3,
}

/** A store that keeps what it is given until the test lets it go. */
class HeldStore {
  readonly batches: StoreBatch[] = []
  readonly #commits: PromiseWithResolvers<typeof OUTCOME>[] = []
  readonly questions: PromiseWithResolvers<(StoredConnection | undefined)[]>[] = []

  commit(batch: StoreBatch): Promise<typeof OUTCOME> {
    this.batches.push(batch)
    const commit = Promise.withResolvers<typeof OUTCOME>()
    this.#commits.push(commit)
    return commit.promise
  }

  lookup(): Promise<(StoredConnection | undefined)[]> {
    const question = Promise.withResolvers<(StoredConnection | undefined)[]>()
    this.questions.push(question)
    return question.promise
  }

  succeed(): void {
    this.#commits.shift()?.resolve(OUTCOME)
  }

  fail(error: Error): void {
    this.#commits.shift()?.reject(error)
  }
}

/** A pipeline, a committer and a store in the test's hands. `newestStartMs` is the file's. */
class Fixture {
  readonly store = new HeldStore()
  readonly pipeline: Pipeline
  readonly committer: Committer
  readonly #stream

  constructor(newestStartMs = 0) {
    this.pipeline = new Pipeline(defaultConfig(), {
      ledgerId: '',
      lastSequence: 7,
      clock: { ledgerMs: 0, newestMs: NOON, minutesFromMs: 0, newestStartMs },
      forgottenBeforeMs: 0,
      minutesHoldMs: Number.MAX_SAFE_INTEGER,
      windowLengths: [{ fromMs: 0, seconds: 60 }],
    })
    this.committer = new Committer(this.pipeline, this.store)
    this.#stream = this.pipeline.openStream()
  }

  /** The last word of a connection arrives. */
  hear(connection: number, upload: number): void {
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-00000000000${connection}`,
      type: 3,
      sni: 'a.example',
      startMs: NOON,
      durationMs: 100,
      upload,
    })
    this.pipeline.message(this.#stream, tcpMessage([entry], SHOP_SIDECAR), NOON + 200)
  }

  uploads(): number[][] {
    return this.store.batches.map(({ usage }) => [...usage.upload])
  }
}

/** Whether a promise is settled once everything that can run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = () => {
    settled = true
  }
  promise.then(note, note)
  await new Promise((done) => setImmediate(done))
  return settled
}

describe('batches', () => {
  it('go one at a time: what arrives meanwhile gathers in the next, with the next number', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const first = f.committer.commit()
    assert.equal(f.committer.busy, true)
    f.hear(2, 5)
    f.hear(3, 6)
    const meanwhile = f.committer.commit()
    assert.deepEqual(f.uploads(), [[10]])
    f.store.succeed()
    await Promise.all([first, meanwhile])
    assert.equal(f.committer.busy, false)
    const second = f.committer.commit()
    f.store.succeed()
    await second
    assert.deepEqual(f.uploads(), [[10], [11]])
    assert.deepEqual(
      f.store.batches.map(({ sequence }) => sequence),
      [8, 9],
    )
    assert.equal(f.committer.commits, 2)
    assert.equal(f.committer.lastCommitMs, 3)
  })

  it('are not cut while nothing has changed', async () => {
    const f = new Fixture()
    await f.committer.commit()
    assert.equal(f.store.batches.length, 0)
  })

  it('carry the clocks of an idle mesh every ten seconds', async () => {
    const f = new Fixture()
    f.pipeline.tick(NOON + 9_999)
    await f.committer.commit()
    assert.equal(f.store.batches.length, 0)
    f.pipeline.tick(NOON + 10_000)
    const commit = f.committer.commit()
    f.store.succeed()
    await commit
    assert.deepEqual(
      f.store.batches.map(({ clock }) => clock.newestMs),
      [NOON + 10_000],
    )
    await f.committer.commit()
    assert.equal(f.store.batches.length, 1)
  })

  it('are in the file only when the store says so: until then their rows stay in memory', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const commit = f.committer.commit()
    for (let minute = 1; minute <= 15; minute++) f.pipeline.tick(NOON + minute * 60_000)
    assert.equal(f.pipeline.ledger.table.size, 1)
    f.store.succeed()
    await commit
    f.pipeline.tick(NOON + 16 * 60_000)
    assert.equal(f.pipeline.ledger.table.size, 0)
  })

  it('that the store gives up on reject, for everybody who waits', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const waiting = [f.committer.commit(), f.committer.commit()]
    f.store.fail(new Error('disk full'))
    for (const commit of waiting) await assert.rejects(commit, { message: 'disk full' })
    assert.equal(f.committer.busy, false)
    assert.equal(f.committer.commits, 0)
  })

  it('are followed by none once one has not gone in: its bytes would never be counted', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const commit = f.committer.commit()
    f.store.fail(new Error('the storage thread has ended'))
    await assert.rejects(commit)
    f.hear(1, 12)
    await assert.rejects(f.committer.commit(), { message: 'the storage thread has ended' })
    await assert.rejects(f.committer.flush(), { message: 'the storage thread has ended' })
    assert.equal(f.store.batches.length, 1)
  })

  it('that are lost are told by a flush that has nothing else to commit', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const commit = f.committer.commit()
    f.store.fail(new Error('the storage thread has ended'))
    await assert.rejects(commit)
    assert.equal(f.pipeline.hasChanges, false)
    await assert.rejects(f.committer.flush(), { message: 'the storage thread has ended' })
  })
})

describe('questions', () => {
  it('are asked together, and answers are applied once', async () => {
    const f = new Fixture(NOON + 1000)
    f.hear(1, 10)
    f.hear(2, 20)
    f.hear(1, 10)
    const asked = [f.committer.ask(), f.committer.ask()]
    assert.equal(f.store.questions.length, 1)
    assert.equal(f.committer.lookups, 2)
    f.store.questions[0]?.resolve([undefined, undefined])
    await Promise.all(asked)
    assert.equal(f.pipeline.held.size, 0)
    assert.deepEqual([...f.pipeline.cut().usage.upload], [30])
  })

  it('that come up while one is being answered are asked before it is over', async () => {
    const f = new Fixture(NOON + 1000)
    f.hear(1, 10)
    const asked = f.committer.ask()
    f.hear(2, 20)
    f.store.questions[0]?.resolve([undefined])
    await until('the second is asked', () => f.store.questions.length === 2)
    assert.equal(await isSettled(asked), false)
    f.store.questions[1]?.resolve([undefined])
    await asked
    assert.deepEqual([...f.pipeline.cut().usage.upload], [30])
  })
})

describe('flush', () => {
  it('commits what gathered behind a batch under way', async () => {
    const f = new Fixture()
    f.hear(1, 10)
    const first = f.committer.commit()
    f.hear(2, 20)
    const flushed = f.committer.flush()
    f.store.succeed()
    await first
    assert.equal(await isSettled(flushed), false)
    f.store.succeed()
    await flushed
    assert.deepEqual(f.uploads(), [[10], [20]])
  })

  it('commits what waited for the file', async () => {
    const f = new Fixture(NOON + 1000)
    f.pipeline.tick(NOON + 20_000)
    const first = f.committer.commit()
    f.hear(1, 10)
    const flushed = f.committer.flush()
    f.store.questions[0]?.resolve([undefined])
    f.store.succeed()
    await first
    assert.equal(await isSettled(flushed), false)
    f.store.succeed()
    await flushed
    assert.deepEqual(f.uploads(), [[], [10]])
    assert.equal(f.pipeline.hasChanges, false)
  })
})
