import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { StoredConnection } from '../../src/model/connection.ts'
import { GATEWAY, LedgerFixture } from './ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000

/** A gateway whose every connection is a hop. */
const ROUTER = { hops: 'all' } as const
/** A sidecar whose connections to the gateway are hops. */
const BEFORE_GATEWAY = { hops: 'to_gateway' } as const

describe('a connection that is a hop', () => {
  it('books its bytes, both ways, to the coverage of its node and nothing to usage', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 5, download: 7, start: 0, at: 1000, origin: ROUTER })
    f.hear({ type: END, upload: 9, download: 7, start: 0, at: 2000, origin: ROUTER })
    assert.deepEqual(f.usage(), {})
    assert.equal(f.coverage.hopBytes, 16)
    const { hopBytes, seen, closed } = f.coverage.cut()
    assert.deepEqual([[...hopBytes], [...seen], [...closed]], [[16], [1], [1]])
  })

  it('counts a byte once, whatever is repeated or late', () => {
    const f = new LedgerFixture()
    const end = { type: END, upload: 9, start: 0, origin: ROUTER }
    f.hear({ ...end, at: 1000 })
    f.hear({ ...end, at: 2000 })
    f.hear({ type: PERIODIC, upload: 3, start: 0, at: 3000, origin: ROUTER })
    assert.equal(f.coverage.hopBytes, 9)
  })

  it('stays one when the file gives it back to a process that would bill it', () => {
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    before.hear({ type: PERIODIC, upload: 5, start: 0, at: 1000, origin: ROUTER })
    before.commitTo(file)

    const after = new LedgerFixture({}, Number.MAX_SAFE_INTEGER)
    after.hear({ type: END, upload: 9, start: 0, at: 2000, origin: { hops: 'none' } })
    after.answerFrom(file)
    assert.deepEqual(after.usage(), {})
    assert.equal(after.coverage.hopBytes, 4)
  })

  it('stays billed when it was, though the next process would call it a hop', () => {
    const file = new Map<string, StoredConnection>()
    const before = new LedgerFixture()
    before.hear({ type: PERIODIC, upload: 5, start: 0, at: 1000 })
    before.commitTo(file)

    const after = new LedgerFixture({}, Number.MAX_SAFE_INTEGER)
    after.hear({ type: END, upload: 9, start: 0, at: 2000, origin: ROUTER })
    after.answerFrom(file)
    assert.deepEqual(after.usage(), { 'a.example@0': '4/0 closed 1' })
    assert.equal(after.coverage.hopBytes, 0)
  })

  it('has no lost tail when it falls silent: nobody was to be billed for it', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 5, start: 0, at: 1000, origin: ROUTER })
    f.pass(6 * MINUTE)
    const rows = f.commit()
    assert.deepEqual([[...rows.state], [...rows.lost], [...rows.hop]], [[3], [0], [1]])
  })

  it('does not pass its mark on to the next user of its row', () => {
    const f = new LedgerFixture({ maxConnections: 4 })
    f.hear({ id: 1, type: END, upload: 5, start: 0, at: 1000, origin: ROUTER })
    f.commit()
    f.pass(11 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
    f.hear({ id: 2, type: END, upload: 5, start: 11 * MINUTE, at: 11 * MINUTE + 1 })
    assert.deepEqual(f.usage(), { 'a.example@11': '5/0 opened 1 closed 1' })
  })
})

describe('where the gateway is billed', () => {
  it('a connection to it is a hop, and any other is not', () => {
    const f = new LedgerFixture()
    const end = { type: END, sni: 'a.example', start: 0, at: 1000, origin: BEFORE_GATEWAY }
    f.hear({ ...end, id: 1, upload: 5, cluster: GATEWAY })
    f.hear({ ...end, id: 2, upload: 7, cluster: 'outbound|443||*.example' })
    assert.deepEqual(f.usage(), { 'a.example@0': '7/0 opened 1 closed 1' })
    assert.equal(f.coverage.hopBytes, 5)
  })

  it('nothing is decided before the cluster is known', () => {
    const f = new LedgerFixture()
    const early = { type: PERIODIC, sni: 'a.example', start: 0, origin: BEFORE_GATEWAY }
    f.hear({ ...early, at: 1000 })
    assert.deepEqual(f.usage(), {})
    f.hear({ ...early, at: 2000, cluster: GATEWAY, upload: 5 })
    assert.deepEqual(f.usage(), {})
    assert.equal(f.coverage.hopBytes, 5)
  })

  it('bytes decide nothing either: they are cumulative, and come again with the cluster', () => {
    const f = new LedgerFixture()
    const early = { type: PERIODIC, sni: 'a.example', start: 0, origin: BEFORE_GATEWAY }
    f.hear({ ...early, at: 1000, upload: 5 })
    f.hear({ ...early, type: END, at: 2000, upload: 9, cluster: GATEWAY })
    assert.deepEqual(f.usage(), {})
    assert.equal(f.coverage.hopBytes, 9)
  })

  it('silence decides nothing: a connection that is undecided is forgotten, and as new when it speaks', () => {
    const f = new LedgerFixture()
    const word = { sni: 'a.example', start: 0, origin: BEFORE_GATEWAY }
    f.hear({ ...word, id: 1, type: PERIODIC, at: 1000, upload: 5 })
    f.hear({ ...word, id: 2, type: PERIODIC, at: 1000, upload: 5 })
    f.hear({ ...word, id: 3, type: PERIODIC, at: 1000, upload: 5 })
    f.pass(6 * MINUTE)
    assert.equal(f.ledger.table.size, 0)
    assert.equal(f.ledger.living, 0)
    const at = 6 * MINUTE + 2000
    f.hear({ ...word, id: 1, type: END, at, upload: 9, cluster: GATEWAY })
    f.hear({ ...word, id: 2, type: END, at, upload: 7, cluster: 'outbound|443||*.example' })
    assert.equal(f.coverage.hopBytes, 9)
    assert.deepEqual(f.totals(), { upload: 7, download: 0, opened: 1, closed: 1 })
  })

  it('a connection that ends without a cluster went nowhere, and counts', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, sni: 'a.example', start: 0, at: 1000, origin: BEFORE_GATEWAY })
    assert.deepEqual(f.usage(), { 'a.example@0': '0/0 opened 1 closed 1' })
  })
})

it('hop bytes are exactly what would have been billed, whatever is repeated, late or reordered', () => {
  const word = fc.record({
    id: fc.integer({ min: 1, max: 4 }),
    type: fc.constantFrom(PERIODIC, END),
    upload: fc.nat(1000),
    download: fc.nat(1000),
    after: fc.nat(7 * MINUTE),
    named: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const billed = new LedgerFixture()
      const hops = new LedgerFixture()
      let at = 0
      for (const { after, named, ...told } of words) {
        at += after
        const heard = { ...told, at, start: 0, sni: named ? 'a.example' : '' }
        billed.hear(heard)
        hops.hear({ ...heard, origin: ROUTER })
      }
      const { upload, download } = billed.totals()
      assert.equal(hops.coverage.hopBytes, upload + download)
      assert.deepEqual(hops.usage(), {})
      assert.equal(billed.coverage.hopBytes, 0)
    }),
    { numRuns: 200 },
  )
})
