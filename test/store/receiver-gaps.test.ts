import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { Writer } from '../../src/store/writer.ts'
import { makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'
import { newPath, rows } from './store-fixture.ts'

const MINUTE = 60_000
const GAPS = 'SELECT * FROM receiver_gaps'

/** A receiver that starts at `fromMs` and reports one node at `atMs`. */
function live(path: string, sequence: number, fromMs: number, atMs: number) {
  const writer = new Writer(storeConfig(path))
  writer.open(fromMs)
  const gap = writer.receiving(fromMs)
  writer.apply(
    makeBatch({
      sequence,
      clock: { newestMs: atMs },
      connections: [{ id: sequence }],
      coverage: [{ windowMs: Math.floor(atMs / MINUTE) * MINUTE, entries: 5 }],
    }),
  )
  return { writer, gap }
}

/** The node of the batches, with another release. */
function setRelease(path: string, release: string): void {
  const database = new Database(path)
  database.prepare('UPDATE node SET envoy_version = ?').run(release)
  database.close()
}

test('a new file has no gap; a stop and a crash leave one, each with its reason', () => {
  const path = newPath()
  const first = live(path, 1, NOON, NOON + MINUTE)
  assert.equal(first.gap, undefined)
  first.writer.close(NOON + 90_000)

  const second = live(path, 2, NOON + 5 * MINUTE, NOON + 6 * MINUTE)
  const expected = { nodesBefore: 1, lossyNodes: 0, connections: 1 }
  const gap = { reason: 'stopped', fromMs: NOON + 90_000, toMs: NOON + 5 * MINUTE, ...expected }
  assert.deepEqual(second.gap, gap)
  // A crash: nothing says when it stopped.
  second.writer.close()

  const third = live(path, 3, NOON + 8 * MINUTE, NOON + 9 * MINUTE)
  assert.equal(third.gap?.reason, 'crashed')
  assert.equal(third.gap?.fromMs, NOON + 6 * MINUTE, 'its last commit')
  assert.equal(third.gap?.connections, 2)
  third.writer.close(NOON + 9 * MINUTE)
  assert.deepEqual(rows(path, GAPS), [
    {
      gap_start: '2026-11-24T12:01:30.000Z',
      gap_end: '2026-11-24T12:05:00.000Z',
      seconds: 210,
      reason: 'stopped',
      nodes_before: 1,
      lossy_nodes_before: 0,
      nodes_after: 1,
      open_connections: 1,
    },
    {
      gap_start: '2026-11-24T12:06:00.000Z',
      gap_end: '2026-11-24T12:08:00.000Z',
      seconds: 120,
      reason: 'crashed',
      nodes_before: 1,
      lossy_nodes_before: 0,
      nodes_after: null,
      open_connections: 2,
    },
  ])
})

test('nodes before 1.39, and those of no known release, lose what ends in a gap', () => {
  for (const [release, lossy] of [
    ['1.38.3', 1],
    ['1.39.0', 0],
    ['1.40.0-dev', 0],
    ['2.0.0', 0],
    ['1.9.0', 1],
    ['', 1],
    ['custom', 1],
  ] as const) {
    const path = newPath()
    live(path, 1, NOON, NOON + MINUTE).writer.close(NOON + MINUTE)
    setRelease(path, release)
    const { writer, gap } = live(path, 2, NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    writer.close()
    assert.equal(gap?.lossyNodes, lossy, release)
  }
})

test('a node that was silent for long before a gap is not counted', () => {
  const path = newPath()
  const { writer } = live(path, 1, NOON, NOON)
  writer.apply(makeBatch({ sequence: 2, clock: { newestMs: NOON + 17 * MINUTE } }))
  writer.close(NOON + 17 * MINUTE)
  const next = live(path, 3, NOON + 20 * MINUTE, NOON + 21 * MINUTE)
  assert.equal(next.gap?.nodesBefore, 0)
  next.writer.close()
})

test('how many nodes came back is settled a quarter of an hour later, once', () => {
  const path = newPath()
  live(path, 1, NOON, NOON).writer.close(NOON)
  const { writer } = live(path, 2, NOON + MINUTE, NOON + 2 * MINUTE)
  const after = () => rows(path, 'SELECT nodes_after FROM receiver_gaps')
  assert.deepEqual(after(), [{ nodes_after: null }])
  writer.apply(makeBatch({ sequence: 3, clock: { newestMs: NOON + 16 * MINUTE } }))
  assert.deepEqual(after(), [{ nodes_after: 1 }])
  writer.close()
})

test('a node that came back later than that is none that came back', () => {
  const path = newPath()
  live(path, 1, NOON, NOON).writer.close(NOON)
  const { writer } = live(path, 2, NOON + MINUTE, NOON + 40 * MINUTE)
  assert.deepEqual(rows(path, 'SELECT nodes_after FROM receiver_gaps'), [{ nodes_after: 0 }])
  writer.close()
})

test('what opens the file without receiving, like replay, changes nothing', () => {
  const path = newPath()
  live(path, 1, NOON, NOON).writer.close(NOON + 1000)
  const replaying = new Writer(storeConfig(path))
  replaying.open(NOON)
  replaying.apply(makeBatch({ sequence: 2, clock: { newestMs: NOON + 2000 } }))
  // A start that fails after it has opened the file closes it so.
  replaying.close(NOON + 5000)
  const { writer, gap } = live(path, 3, NOON + MINUTE, NOON + MINUTE)
  writer.close()
  assert.deepEqual([gap?.reason, gap?.fromMs], ['stopped', NOON + 1000])
})

test('a wall clock that was set back in between makes a gap of no length', () => {
  const path = newPath()
  live(path, 1, NOON, NOON).writer.close(NOON)
  const { writer, gap } = live(path, 2, NOON - 60 * MINUTE, NOON)
  writer.close()
  assert.deepEqual([gap?.fromMs, gap?.toMs], [NOON, NOON])
})

test('a thousand gaps are kept', () => {
  const path = newPath()
  live(path, 1, NOON, NOON).writer.close(NOON)
  for (let i = 0; i < 1005; i++) {
    const writer = new Writer(storeConfig(path))
    writer.open(NOON + i)
    writer.receiving(NOON + i)
    writer.close(NOON + i)
  }
  assert.deepEqual(rows(path, 'SELECT count(*) AS n FROM receiver_gaps'), [{ n: 1000 }])
})
