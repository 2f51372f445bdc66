import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LedgerFixture } from './ledger-fixture.ts'

const CONNECTED = 1
const PERIODIC = 2
const END = 3

describe('a connection is attributed', () => {
  it('by its first bytes, though nothing says its name: a later name changes nothing', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, sni: '', upload: 5, start: 0, at: 1000 })
    assert.deepEqual(f.usage(), { '@0': '5/0 opened 1' })
    f.hear({ type: END, sni: 'a.example', upload: 9, start: 0, at: 2000 })
    assert.deepEqual(f.usage(), { '@0': '4/0 closed 1' })
  })

  it('by its first downloaded bytes too', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, sni: '', download: 5, start: 0, at: 1000 })
    assert.deepEqual(f.usage(), { '@0': '0/5 opened 1' })
  })

  it('by its final, though it has neither a name nor a byte', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, sni: '', start: 0, at: 1000 })
    assert.deepEqual(f.usage(), { '@0': '0/0 opened 1 closed 1' })
    assert.equal(f.commit().count, 1)
  })

  it('by its SNI, though its cluster was known before it had a byte', () => {
    const f = new LedgerFixture()
    f.hear({ type: CONNECTED, sni: '', cluster: 'host.example', start: 0, at: 1000 })
    assert.deepEqual(f.usage(), {})
    f.hear({ type: END, sni: 'a.example', upload: 9, start: 0, at: 2000 })
    assert.deepEqual(f.usage(), { 'a.example@0': '9/0 opened 1 closed 1' })
  })

  it('by its cluster once it has bytes, and its SNI comes too late', () => {
    const f = new LedgerFixture()
    f.hear({ type: CONNECTED, sni: '', cluster: 'host.example', upload: 1, start: 0, at: 1000 })
    f.hear({ type: END, sni: 'a.example', upload: 9, start: 0, at: 2000 })
    assert.deepEqual(f.usage(), { 'host.example@0': '9/0 opened 1 closed 1' })
  })

  it('to the workload of the sample that names it, not of an earlier one that says nothing', () => {
    const f = new LedgerFixture()
    const other = { node: 1, workload: 1, envoyMinor: 1040 }
    f.hear({ type: 14, sni: '', start: 0, at: 100 })
    f.hear({ type: PERIODIC, upload: 5, start: 0, at: 1000, origin: other })
    const rows = f.commit()
    assert.deepEqual([[...rows.workload], [...rows.node]], [[1], [1]])
  })
})

describe('the window of a connection', () => {
  it('that began after its arrival, by a wrong clock, is that of the arrival', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 5, start: 30 * 60_000, at: 61_000 })
    f.answerFrom(new Map())
    assert.deepEqual(f.usage(), { 'a.example@1': '5/0 opened 1 closed 1' })
  })

  it('that ended long before its last word arrived is that of its end', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 60, start: 0, duration: 60_000, at: 10 * 60_000 })
    assert.deepEqual(f.usage(), {
      'a.example@0': '60/0 opened 1',
      'a.example@1': '0/0 closed 1',
    })
  })
})

describe('observed', () => {
  it('is a connection that neither name nor cluster tells', () => {
    const f = new LedgerFixture()
    f.hear({ id: 1, type: END, sni: '', start: 0, at: 1000 })
    f.hear({ id: 2, type: END, sni: 'a.example', start: 0, at: 1000 })
    f.hear({ id: 3, type: END, sni: '', cluster: 'host.example', start: 0, at: 1000 })
    assert.equal(f.unnamed, 1)
  })

  it('is an end that has been told already, each time', () => {
    const f = new LedgerFixture()
    for (const at of [1000, 1001, 1002]) f.hear({ type: END, upload: 5, start: 0, at })
    f.hear({ type: PERIODIC, upload: 5, start: 0, at: 2000 })
    assert.equal(f.endedAgain, 2)
  })
})
