import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ConnectionBounds } from '../../src/store/ended-connections.ts'
import { Writer } from '../../src/store/writer.ts'
import { type ConnectionRow, makeBatch, NOON } from './batch-fixture.ts'
import { storeConfig } from './store-config.ts'
import { newPath, rows } from './store-fixture.ts'

const [OPEN, CLOSED, ORPHANED] = [1, 2, 3]

/** A file with bounds; each row last reports a second of the ledger clock, and arrives one, after the one before. */
class Bounded {
  readonly path: string
  readonly writer: Writer
  /** Ledger time of the next batch. */
  ledgerMs = 1_000_000
  #sequence: number

  constructor(t: TestContext, bounds: ConnectionBounds, path = newPath(), sequence = 0) {
    this.path = path
    this.#sequence = sequence
    const config = storeConfig(path)
    this.writer = new Writer({ ...config, retention: { ...config.retention, ...bounds } })
    this.writer.open(NOON)
    t.after(() => this.writer.close())
  }

  /** Rows of a state, in one batch. */
  add(state: number, ids: readonly number[], more: Partial<ConnectionRow> = {}) {
    const connections = ids.map((id) => ({
      id,
      state,
      lastLedgerMs: id * 1000,
      lastArrivalMs: NOON + id * 1000,
      ...more,
    }))
    const batch = makeBatch({
      sequence: ++this.#sequence,
      connections,
      clock: { ledgerMs: this.ledgerMs },
    })
    return this.writer.apply(batch).ended
  }

  tidy(): void {
    while (this.writer.tidy()) {
      // Slices until there is nothing left to do.
    }
  }

  /** Numbers of the rows of a state, in order. */
  ids(state: number): number[] {
    return rows(
      this.path,
      `SELECT hex(key) AS key FROM connection WHERE state = ${state} ORDER BY key`,
    ).map((row) => Number.parseInt((row as { key: string }).key, 16))
  }

  /** What the ledger says it has forgotten, s after noon. */
  get forgottenSeconds(): number {
    const [row] = rows(this.path, 'SELECT forgotten_before_ms AS ms FROM ledger')
    return ((row as { ms: number }).ms - NOON) / 1000
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('the bound is the smaller one of rows and bytes, at 256 bytes a row', (t) => {
  for (const bounds of [
    { maxConnections: 10 },
    { maxConnectionBytes: 2560 },
    { maxConnectionBytes: 2815, maxConnections: 100 },
    { maxConnectionBytes: 100_000, maxConnections: 10 },
  ]) {
    const file = new Bounded(t, bounds)
    assert.deepEqual(file.add(CLOSED, range(1, 8)), { rows: 8, leftEarly: 0 })
    assert.deepEqual(file.add(CLOSED, range(9, 13)), { rows: 10, leftEarly: 3 })
    assert.deepEqual(file.ids(CLOSED), range(4, 13))
    assert.equal(file.forgottenSeconds, 3)
  }
})

test('the one that last reported longest ago leaves first, whenever it came', (t) => {
  const file = new Bounded(t, { maxConnections: 4 })
  file.add(CLOSED, [7, 3, 9])
  file.add(CLOSED, [5])
  file.add(CLOSED, [8, 6])
  assert.deepEqual(file.ids(CLOSED), [6, 7, 8, 9])
  // One that reports again is the newest.
  file.add(CLOSED, [6], { lastLedgerMs: 100_000 })
  file.add(CLOSED, [10])
  assert.deepEqual(file.ids(CLOSED), [6, 8, 9, 10])
})

test('open connections neither count nor leave', (t) => {
  const file = new Bounded(t, { maxConnections: 2 })
  assert.deepEqual(file.add(OPEN, range(1, 20)), { rows: 0, leftEarly: 0 })
  assert.deepEqual(file.add(CLOSED, [21, 22]), { rows: 2, leftEarly: 0 })
  assert.deepEqual(file.add(CLOSED, [23]), { rows: 2, leftEarly: 1 })
  assert.deepEqual([file.ids(OPEN), file.ids(CLOSED)], [range(1, 20), [22, 23]])
})

test('closed ones leave before orphaned ones, which may report again, until those are more than half', (t) => {
  const file = new Bounded(t, { maxConnections: 10 })
  file.add(ORPHANED, range(1, 5))
  file.add(CLOSED, range(6, 10))
  file.add(CLOSED, [11])
  assert.deepEqual([file.ids(ORPHANED), file.ids(CLOSED)], [range(1, 5), range(7, 11)])
  file.add(ORPHANED, [12])
  assert.deepEqual([file.ids(ORPHANED), file.ids(CLOSED)], [[...range(1, 5), 12], range(8, 11)])
  file.add(CLOSED, [13])
  assert.deepEqual(
    [file.ids(ORPHANED), file.ids(CLOSED)],
    [
      [2, 3, 4, 5, 12],
      [8, 9, 10, 11, 13],
    ],
  )
})

test('an orphan that leaves is in coverage for good, with what it may have lost', (t) => {
  const file = new Bounded(t, { maxConnections: 2 })
  const orphans = () =>
    rows(
      file.path,
      'SELECT sum(connections_orphaned) AS n, sum(estimated_lost_bytes) AS lost FROM coverage',
    )
  file.add(ORPHANED, [1, 2], { momentMs: NOON + 90_000, lost: 300 })
  assert.deepEqual(orphans(), [{ n: 2, lost: 600 }])
  file.add(ORPHANED, [3], { momentMs: NOON + 90_000, lost: 7 })
  assert.deepEqual(file.ids(ORPHANED), [2, 3])
  assert.deepEqual(orphans(), [{ n: 3, lost: 607 }])
})

test('a bound that was lowered holds after the next start, and what leaves for it is counted', (t) => {
  const first = new Bounded(t, { maxConnections: 100 })
  first.add(CLOSED, range(1, 20))
  first.add(ORPHANED, range(21, 24))
  first.writer.close()
  const second = new Bounded(t, { maxConnections: 10 }, first.path, 2)
  second.tidy()
  assert.deepEqual(second.ids(CLOSED), range(15, 20))
  assert.deepEqual(second.ids(ORPHANED), range(21, 24))
  assert.equal(second.forgottenSeconds, 14)
  assert.deepEqual(second.add(CLOSED, [25]), { rows: 10, leftEarly: 15 })
})

test('a batch that brings more than the bound leaves with the next ones', (t) => {
  const file = new Bounded(t, { maxConnections: 5 })
  file.add(CLOSED, range(1, 50))
  file.tidy()
  assert.deepEqual(file.ids(CLOSED), range(46, 50))
})

test('rows that are replaced are not counted as more for ever', (t) => {
  const file = new Bounded(t, { maxConnections: 5 })
  for (let i = 0; i < 20; i++) {
    file.add(CLOSED, [1, 2, 3], { lastLedgerMs: i })
    // They are counted again every ten minutes, before one leaves.
    file.ledgerMs += 600_000
  }
  file.add(CLOSED, [4])
  assert.deepEqual(file.ids(CLOSED), [1, 2, 3, 4])
})
