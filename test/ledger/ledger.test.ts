import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConnectionState, type StoredConnection } from '../../src/model/connection.ts'
import { NO_COUNTER, SampleKind } from '../../src/model/sample.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import { LedgerFixture, NOON, SIDECAR } from './ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000

describe('rule 1: counters are cumulative', () => {
  it('counts what the maximum grew by, and never sums entries', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, download: 10, start: 0, at: 1000 })
    f.hear({ type: PERIODIC, upload: 150, download: 30, start: 0, at: 2000 })
    f.hear({ type: END, upload: 150, download: 31, start: 0, at: 3000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '150/31 opened 1 closed 1' })
  })

  it('counts nothing for a lower or an equal sample', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, download: 10, start: 0, at: 1000 })
    f.hear({ type: PERIODIC, upload: 90, download: 10, start: 0, at: 2000 })
    f.hear({ type: PERIODIC, upload: 100, download: 10, start: 0, at: 3000 })
    assert.deepEqual(f.totals(), { upload: 100, download: 10, opened: 1, closed: 0 })
  })

  it('keeps a maximum for each counter by itself', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, download: 10, start: 0, at: 1000 })
    f.hear({ type: PERIODIC, upload: 50, download: 25, start: 0, at: 2000 })
    f.hear({ type: PERIODIC, upload: 120, download: 20, start: 0, at: 3000 })
    assert.deepEqual(f.totals(), { upload: 120, download: 25, opened: 1, closed: 0 })
  })
})

describe('rule 2: one meter per connection', () => {
  it('reads typed entries by their wire counters, but never beyond the plain ones', () => {
    const f = new LedgerFixture()
    f.hear({ upload: 100, download: 5, plainUpload: 7, plainDownload: 7, start: 0, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 7, download: 5, opened: 1, closed: 1 })
  })

  it('reads typed entries by their wire counters where they carry no others', () => {
    const f = new LedgerFixture()
    const absent = { plainUpload: NO_COUNTER, plainDownload: NO_COUNTER }
    f.hear({ upload: 100, download: 10, ...absent, start: 0, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 100, download: 10, opened: 1, closed: 1 })
  })

  it('reads a request by its wire counters, whatever its plain ones', () => {
    const f = new LedgerFixture()
    const kind = SampleKind.request
    f.hear({ kind, type: 6, final: true, upload: 100, plainUpload: 7, start: 0, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 100, download: 0, opened: 1, closed: 1 })
  })

  it('reads UDP entries by received and sent bytes', () => {
    const f = new LedgerFixture()
    f.hear({ type: 13, final: true, plainUpload: 70, plainDownload: 8, start: 0, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 70, download: 8, opened: 1, closed: 1 })
  })

  it('reads entries without a type by the release of the sender', () => {
    const untyped = { type: 0, final: true, upload: 60, plainUpload: 70, start: 0, at: 1000 }
    for (const [envoyMinor, upload] of [
      [1026, 60],
      [1025, 70],
      [0, 70],
    ] as const) {
      const f = new LedgerFixture()
      f.hear({ ...untyped, origin: { ...SIDECAR, envoyMinor } })
      assert.equal(f.totals().upload, upload)
    }
  })

  it('keeps the meter of the first sample when a later entry would choose another', () => {
    const f = new LedgerFixture()
    const origin = { ...SIDECAR, envoyMinor: 0 }
    f.hear({ type: 0, plainUpload: 70, upload: 100, start: 0, at: 1000, origin })
    f.hear({ type: END, plainUpload: 80, upload: 500, start: 0, at: 2000, origin })
    assert.equal(f.totals().upload, 80)
  })

  it('counts a refused connection once, with 0 bytes', () => {
    const f = new LedgerFixture()
    f.hear({ upload: 0, download: 0, start: 0, at: 1000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '0/0 opened 1 closed 1' })
  })
})

describe('rule 3: a final closes, and leaves a tombstone', () => {
  it('merges entries after the End: growth counts, nothing reopens, closed counts once', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 100, start: 0, at: 1000 })
    f.hear({ type: END, upload: 100, start: 0, at: 1001 })
    f.hear({ type: PERIODIC, upload: 40, start: 0, at: 1002 })
    f.hear({ type: END, upload: 130, start: 0, at: 1003 })
    assert.deepEqual(f.totals(), { upload: 130, download: 0, opened: 1, closed: 1 })
  })

  it('takes a listener-level entry (type 0) before the End as the first final', () => {
    const f = new LedgerFixture()
    f.hear({ type: 0, final: true, upload: 100, start: 0, duration: 900, at: 1000 })
    f.hear({ type: END, upload: 100, start: 0, duration: 900, at: 1000 })
    assert.deepEqual(f.totals(), { upload: 100, download: 0, opened: 1, closed: 1 })
  })

  it('forgets a tombstone after ten minutes, and then asks the file before booking its id again', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 100, start: 0, at: 1000 })
    f.commit()
    f.pass(11 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
    f.usage()
    f.hear({ type: END, upload: 100, start: 0, at: 11 * MINUTE })
    assert.equal(f.held.size, 1)
    assert.deepEqual(f.usage(), {})
  })

  it('keeps a tombstone that the file does not have yet', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 100, start: 0, at: 1000 })
    f.pass(30 * MINUTE)
    assert.equal(f.ledger.table.size, 1)
  })
})

describe('rule 6: memory is a cache of the file', () => {
  const stored = (over: Partial<StoredConnection>): StoredConnection => ({
    key: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0, 7),
    kind: SampleKind.connection,
    identityKind: 1,
    meter: 1,
    state: ConnectionState.closed,
    node: UNKNOWN_NODE,
    workload: UNKNOWN_NODE.workload,
    destination: { name: 'a.example', nameSource: 'sni' },
    upstreamCluster: '',
    address: [0, 0, 0, 0],
    port: 0,
    startMs: NOON,
    momentMs: NOON + 1000,
    previousSpanStartMs: NOON,
    previousSpanEndMs: NOON + 1000,
    lastDeltaBytes: 100,
    lastArrivalMs: NOON + 1000,
    lastLedgerMs: 0,
    upload: 100,
    download: 10,
    hop: false,
    ...over,
  })
  const answer = (f: LedgerFixture, row: StoredConnection | undefined): void => {
    const keys = f.held.takeQuestions()
    assert.equal(keys.length, 16)
    if (row !== undefined) f.ledger.restore(row)
    for (const sample of f.held.release(keys)) f.replayHeld(sample)
  }

  it('adds nothing when an End comes again after a restart', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: END, upload: 100, download: 10, start: 0, at: 10_000 })
    answer(f, stored({}))
    assert.deepEqual(f.totals(), { upload: 0, download: 0, opened: 0, closed: 0 })
  })

  it('books an id that the file does not know in full', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: END, upload: 100, download: 10, start: 0, at: 10_000 })
    answer(f, undefined)
    assert.deepEqual(f.totals(), { upload: 100, download: 10, opened: 1, closed: 1 })
  })

  it('books the growth over the time since the last word that the file knows', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: PERIODIC, upload: 700, download: 10, start: 0, at: 121_000 })
    answer(f, stored({ state: ConnectionState.open }))
    assert.deepEqual(f.usage(), {
      'a.example@0': '295/0',
      'a.example@1': '300/0',
      'a.example@2': '5/0',
    })
  })

  it('applies all that waited for the answer, in order, with its own arrival times', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: PERIODIC, upload: 40, start: 0, at: 30_000 })
    f.hear({ type: PERIODIC, upload: 140, start: 0, at: 70_000 })
    f.hear({ type: END, upload: 150, start: 0, duration: 80_000, at: 81_000 })
    assert.equal(f.held.size, 3)
    answer(f, undefined)
    assert.equal(f.held.size, 0)
    assert.deepEqual(f.usage(), {
      'a.example@0': '115/0 opened 1',
      'a.example@1': '35/0 closed 1',
    })
  })

  it('does not ask about a connection that began after everything that memory has forgotten', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: END, upload: 100, start: 5001, at: 10_000 })
    assert.equal(f.held.size, 0)
    assert.equal(f.totals().upload, 100)
  })

  it('asks about a start ahead of its arrival: the clock of that node is off', () => {
    const f = new LedgerFixture({}, NOON + 5000)
    f.hear({ type: END, upload: 100, start: 600_000, at: 10_000 })
    assert.equal(f.held.size, 1)
  })
})

describe('rule 7: ages run on the ledger clock', () => {
  it('counts a week without anybody listening as a minute', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, start: 0, at: 1000 })
    const week = 7 * 24 * 60 * MINUTE
    f.clock.advance(NOON + week)
    f.ledger.sweep(NOON + week, 0)
    f.hear({ type: PERIODIC, upload: 100, start: 0, at: week })
    assert.equal(f.clock.ms, 60_000)
  })
})

describe('rule 8: orphans', () => {
  it('orphans a silent connection after five minutes, and opens it again when it speaks', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 100, start: 0, at: 1000 })
    f.pass(4 * MINUTE)
    assert.deepEqual([...f.commit().state], [ConnectionState.open])
    f.pass(6 * MINUTE)
    assert.deepEqual([...f.commit().state], [ConnectionState.orphaned])
    f.hear({ type: PERIODIC, upload: 160, start: 0, at: 7 * MINUTE })
    const columns = f.commit()
    assert.deepEqual([...columns.state], [ConnectionState.open])
    assert.deepEqual([...columns.lost], [0])
    assert.equal(f.totals().upload, 160)
  })

  it('estimates the lost tail as the last rate for one flush interval, and bills none of it', () => {
    const f = new LedgerFixture({ flushIntervalMs: 30_000 })
    f.hear({ type: PERIODIC, upload: 6000, start: 0, at: 60_000 })
    f.pass(10 * MINUTE)
    assert.deepEqual([...f.commit().lost], [3000])
    assert.equal(f.totals().upload, 6000)
  })

  it('loses no tail where the connection was idle', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 6000, start: 0, at: 60_000 })
    f.hear({ type: PERIODIC, upload: 6000, start: 0, at: 90_000 })
    f.pass(10 * MINUTE)
    assert.deepEqual([...f.commit().lost], [0])
  })
})

describe('rule 9: source and destination are fixed once', () => {
  it('books nothing, not even a connection, before there is a name or a byte', () => {
    const f = new LedgerFixture()
    f.hear({ type: 14, sni: '', start: 0, at: 100 })
    assert.deepEqual(f.totals(), { upload: 0, download: 0, opened: 0, closed: 0 })
    f.hear({ type: PERIODIC, sni: '', cluster: 'host.example', upload: 5, start: 0, at: 1000 })
    assert.deepEqual(f.usage(), { 'host.example@0': '5/0 opened 1' })
  })

  it('re-attributes nothing afterwards', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, sni: 'a.example', upload: 5, start: 0, at: 1000 })
    f.hear({
      type: END,
      sni: 'b.example',
      upload: 9,
      start: 0,
      at: 2000,
      origin: { node: 1, workload: 1, envoyMinor: 1040 },
    })
    assert.deepEqual(f.usage(), { 'a.example@0': '9/0 opened 1 closed 1' })
    assert.deepEqual([...f.commit().workload], [0])
  })

  it('counts a connection that two loggers report once', () => {
    const f = new LedgerFixture()
    const second = { node: 0, workload: 0, envoyMinor: 1040 }
    for (const upload of [10, 20, 30]) {
      f.hear({ type: PERIODIC, upload, start: 0, at: upload * 100 })
      f.hear({ type: PERIODIC, upload, start: 0, at: upload * 100 + 5, origin: second })
    }
    assert.deepEqual(f.totals(), { upload: 30, download: 0, opened: 1, closed: 0 })
  })

  it('books opened in the window of the start and closed in that of the first final', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 120, start: 30_000, duration: 120_000, at: 151_000 })
    assert.deepEqual(f.usage(), {
      'a.example@0': '30/0 opened 1',
      'a.example@1': '60/0',
      'a.example@2': '30/0 closed 1',
    })
  })
})

describe('rule 10: everything is bounded', () => {
  it('never evicts an open row, and books a connection without room at its final under __other__', () => {
    const f = new LedgerFixture({ maxConnections: 2 })
    f.hear({ id: 1, type: PERIODIC, upload: 1, start: 0, at: 1000 })
    f.hear({ id: 2, type: PERIODIC, upload: 2, start: 0, at: 1000 })
    f.hear({ id: 3, type: PERIODIC, upload: 4, start: 0, at: 1000 })
    assert.deepEqual(f.rejected(), { no_room: 1 })
    f.hear({ id: 3, type: END, upload: 8, start: 0, at: 2000 })
    assert.deepEqual(f.usage(), {
      '__other__@0': '8/0 opened 1 closed 1',
      'a.example@0': '3/0 opened 2',
    })
    assert.equal(f.commit().count, 3)
  })

  it('lets the oldest committed tombstone go for a new connection, and looks its id up from then on', () => {
    const f = new LedgerFixture({ maxConnections: 4 })
    for (let id = 1; id <= 5; id++) f.hear({ id, type: END, upload: 10, start: id, at: 1000 })
    f.commit()
    f.hear({ id: 6, type: END, upload: 10, start: 900, at: 1000 })
    assert.equal(f.ledger.table.size, 5)
    f.hear({ id: 1, type: END, upload: 10, start: 1, at: 2000 })
    assert.equal(f.held.size, 1)
    assert.equal(f.totals().upload, 60)
  })

  it('finds room although the oldest tombstone has just been changed by a late copy', () => {
    const f = new LedgerFixture({ maxConnections: 4 })
    for (let id = 1; id <= 5; id++) f.hear({ id, type: END, upload: 10, start: id, at: 1000 })
    f.commit()
    f.hear({ id: 1, type: END, upload: 11, start: 1, at: 1500 })
    f.hear({ id: 6, type: END, upload: 10, start: 900, at: 2000 })
    assert.deepEqual(f.rejected(), {})
    assert.equal(f.totals().upload, 61)
  })

  it('gives requests a budget of their own', () => {
    const f = new LedgerFixture({ maxConnections: 2, maxRequests: 1 })
    const request = { kind: SampleKind.request, type: 6, final: true, upload: 5, start: 0 }
    f.hear({ ...request, id: 11, at: 1000 })
    f.commit()
    f.hear({ ...request, id: 12, at: 1001, start: 500 })
    f.hear({ id: 1, type: PERIODIC, upload: 1, start: 600, at: 1002 })
    assert.deepEqual(f.rejected(), {})
    assert.deepEqual(f.totals(), { upload: 11, download: 0, opened: 3, closed: 2 })
  })
})

describe('when bytes are booked', () => {
  it('spreads a delta over the time since the last word', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 10, start: 0, at: 10_000 })
    f.hear({ type: PERIODIC, upload: 110, start: 0, at: 110_000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '60/0 opened 1', 'a.example@1': '50/0' })
  })

  it('lets an idle sample move the start of the span, and a lower one not', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 10, start: 0, at: 10_000 })
    f.hear({ type: PERIODIC, upload: 10, start: 0, at: 60_000 })
    f.hear({ type: PERIODIC, upload: 9, start: 0, at: 90_000 })
    f.hear({ type: PERIODIC, upload: 110, start: 0, at: 180_000 })
    assert.deepEqual(f.usage(), {
      'a.example@0': '10/0 opened 1',
      'a.example@1': '50/0',
      'a.example@2': '50/0',
    })
  })

  it('books a backlog in one message over the span before it', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 120, start: 0, at: 120_000 })
    f.hear({ type: PERIODIC, upload: 180, start: 0, at: 120_000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '90/0 opened 1', 'a.example@1': '90/0' })
  })

  it('books at the end of an empty span when there is none before', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 7, start: 600_000, at: 61_000 })
    const keys = f.held.takeQuestions()
    for (const sample of f.held.release(keys)) f.replayHeld(sample)
    assert.deepEqual(f.usage(), { 'a.example@1': '7/0 opened 1 closed 1' })
  })

  it('never puts a moment after its arrival', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 7, start: 0, duration: 999_000, at: 30_000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '7/0 opened 1 closed 1' })
  })
})
