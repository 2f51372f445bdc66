import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cutConnections } from '../../src/ledger/connection-columns.ts'
import { FAR_AHEAD_MS } from '../../src/ledger/forgotten.ts'
import { ConnectionState, Meter, type StoredConnection } from '../../src/model/connection.ts'
import { SampleKind } from '../../src/model/sample.ts'
import { LedgerFixture, NOON } from './ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000

describe('an id that memory does not know', () => {
  it('is looked up when its entry has no start', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 100, at: 1000 })
    assert.equal(f.held.size, 1)
    assert.deepEqual(f.usage(), {})
  })

  it('that waits for the file is not overtaken by its next word', () => {
    // The second word arrives when its start, on the node's wrong clock, has come.
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    before.hear({ type: PERIODIC, upload: 100, start: 600_000, at: 5000 })
    before.answerFrom(file)
    before.commitTo(file)
    const f = new LedgerFixture({}, 0)
    f.hear({ type: PERIODIC, upload: 130, start: 600_000, at: 10_000 })
    f.hear({ type: END, upload: 150, start: 600_000, at: 601_000 })
    assert.equal(f.held.size, 2)
    f.answerFrom(file)
    assert.deepEqual(f.totals(), { upload: 50, download: 0, opened: 0, closed: 1 })
  })

  it('is not looked up because of a forgotten start that is absurdly far ahead', () => {
    const f = new LedgerFixture()
    f.hear({ id: 1, type: END, upload: 5, start: 2 * FAR_AHEAD_MS, at: 1000 })
    f.answerFrom(new Map())
    f.commit()
    f.pass(11 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
    f.hear({ id: 2, type: END, upload: 7, start: 11 * MINUTE, at: 12 * MINUTE })
    assert.equal(f.held.size, 0)
    f.hear({ id: 1, type: END, upload: 5, start: 2 * FAR_AHEAD_MS, at: 12 * MINUTE })
    assert.equal(f.held.size, 1)
    assert.equal(f.totals().upload, 12)
  })
})

describe('a row leaves memory only when the file has it', () => {
  it('a tombstone: not while its batch is under way', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 100, start: 0, at: 1000 })
    cutConnections(f.ledger)
    f.pass(30 * MINUTE)
    assert.equal(f.ledger.table.size, 1)
    f.ledger.dirty.committed()
    f.pass(31 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
  })

  it('a tombstone: not for want of room either', () => {
    const f = new LedgerFixture({ maxConnections: 1 })
    for (const id of [1, 2]) f.hear({ id, type: END, upload: 10, start: 0, at: 1000 })
    f.hear({ id: 3, type: END, upload: 10, start: 0, at: 1000 })
    assert.deepEqual(f.rejected(), { final_lost: 1 })
    assert.equal(f.totals().upload, 20)
  })

  it('an orphan: not while its batch is under way', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, start: 0, at: 1000 })
    f.pass(6 * MINUTE)
    cutConnections(f.ledger)
    f.pass(30 * MINUTE)
    assert.equal(f.ledger.table.size, 1)
    f.ledger.dirty.committed()
    f.pass(31 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
    assert.equal(f.ledger.living, 0)
  })

  it('every row that counted is part of a batch, one without a byte too', () => {
    const f = new LedgerFixture()
    f.hear({ id: 1, type: END, upload: 0, start: 0, at: 1000 })
    f.hear({ id: 2, type: PERIODIC, upload: 0, start: 0, at: 1000 })
    assert.deepEqual([...f.commit().state], [ConnectionState.closed, ConnectionState.open])
    f.hear({ id: 2, type: PERIODIC, upload: 0, start: 0, at: 9000 })
    assert.deepEqual([...f.commit().momentMs], [NOON + 9000])
  })
})

describe('a row that comes back from the file', () => {
  it('is read by the meter that was chosen at its first sample', () => {
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    const origin = { node: 0, workload: 0, envoyMinor: 0 }
    before.hear({ type: 0, final: false, plainUpload: 70, upload: 100, start: 0, at: 1000, origin })
    before.commitTo(file)
    assert.deepEqual(
      [...file.values()].map(({ meter }) => meter),
      [Meter.plain],
    )
    const f = new LedgerFixture({}, NOON)
    f.hear({ type: END, plainUpload: 80, upload: 500, start: 0, at: 2000, origin })
    f.answerFrom(file)
    assert.deepEqual(f.totals(), { upload: 10, download: 0, opened: 0, closed: 1 })
  })

  it('orphaned, is open again once it speaks, and its bytes go where they always went', () => {
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    before.hear({ type: PERIODIC, upload: 100, start: 0, at: 1000 })
    before.pass(6 * MINUTE)
    before.commitTo(file)
    const f = new LedgerFixture({}, NOON)
    f.hear({ type: PERIODIC, upload: 130, sni: 'b.example', start: 0, at: 7 * MINUTE })
    f.answerFrom(file)
    const rows = f.commit()
    assert.deepEqual([...rows.state], [ConnectionState.open])
    assert.deepEqual(
      Object.keys(f.usage()).map((key) => key.split('@')[0]),
      Array(7).fill('a.example'),
    )
  })
})

describe('silence', () => {
  it('makes an orphan after three flush intervals where these are longer than five minutes', () => {
    const f = new LedgerFixture({ flushIntervalMs: 3 * MINUTE })
    f.hear({ type: PERIODIC, upload: 100, start: 0, at: 0 })
    f.commit()
    f.pass(9 * MINUTE - 10_000)
    assert.equal(f.commit().count, 0)
    f.pass(10 * MINUTE)
    assert.deepEqual([...f.commit().state], [ConnectionState.orphaned])
  })

  it('books a connection that never had a name or a byte, under none, once it is an orphan', () => {
    const f = new LedgerFixture()
    f.hear({ type: 14, sni: '', start: 0, at: 1000 })
    f.pass(4 * MINUTE)
    assert.deepEqual(f.usage(), {})
    f.pass(6 * MINUTE)
    assert.deepEqual(f.usage(), { '@0': '0/0 opened 1' })
    assert.deepEqual([...f.commit().state], [ConnectionState.orphaned])
    f.hear({ type: END, sni: 'a.example', upload: 5, start: 0, at: 7 * MINUTE })
    assert.deepEqual(
      Object.keys(f.usage()).every((key) => key.startsWith('@')),
      true,
    )
  })
})

describe('a full ledger', () => {
  it('still books requests under their own names', () => {
    const f = new LedgerFixture({ maxConnections: 1 })
    f.hear({ id: 1, type: PERIODIC, upload: 1, start: 0, at: 1000 })
    const request = { kind: SampleKind.request, type: 6, final: true, start: 0, at: 1000 }
    f.hear({ ...request, id: 2, upload: 5, sni: 'r.example' })
    assert.deepEqual(f.usage(), {
      'a.example@0': '1/0 opened 1',
      'r.example@0': '5/0 opened 1 closed 1',
    })
  })

  it('has room again when a connection ends', () => {
    const f = new LedgerFixture({ maxConnections: 1 })
    f.hear({ id: 1, type: END, upload: 1, start: 0, at: 1000 })
    f.hear({ id: 2, type: PERIODIC, upload: 2, start: 0, at: 1000 })
    assert.deepEqual(f.rejected(), {})
    assert.equal(f.ledger.full, true)
  })

  it('merges the words of connections that it has', () => {
    const f = new LedgerFixture({ maxConnections: 1 })
    f.hear({ id: 1, type: PERIODIC, upload: 1, start: 0, at: 1000 })
    f.hear({ id: 1, type: PERIODIC, upload: 3, start: 0, at: 2000 })
    f.hear({ id: 2, type: PERIODIC, upload: 9, start: 0, at: 2000 })
    f.hear({ id: 1, type: END, upload: 4, start: 0, at: 3000 })
    assert.deepEqual(f.totals(), { upload: 4, download: 0, opened: 1, closed: 1 })
  })
})
