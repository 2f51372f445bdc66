import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LedgerFixture } from './ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000

/** A waypoint, whose own workload is number 1. */
const WAYPOINT = { workload: 1, reportsPeers: true } as const

const workloads = (f: LedgerFixture) => [...f.commit().workload]

describe('a connection that a waypoint reports', () => {
  it('belongs to the peer that it names', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 5, start: 0, at: 1000, peer: '7', origin: WAYPOINT })
    const { workload, upload } = f.rollup.cut()
    assert.deepEqual([[...workload], [...upload]], [[7], [5]])
  })

  it('belongs to the waypoint where it names none', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 5, start: 0, at: 1000, origin: WAYPOINT })
    assert.deepEqual(workloads(f), [1])
  })

  it('stays with its first source, whoever is named later', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, upload: 5, start: 0, at: 1000, peer: '7', origin: WAYPOINT })
    f.hear({ type: END, upload: 9, start: 0, at: 2000, peer: '8', origin: WAYPOINT })
    assert.deepEqual(workloads(f), [7])
  })

  it('keeps its peer through silence before its first byte', () => {
    const f = new LedgerFixture()
    f.hear({ type: PERIODIC, sni: '', start: 0, at: 1000, peer: '7', origin: WAYPOINT })
    f.pass(6 * MINUTE)
    f.hear({ type: END, upload: 5, start: 0, at: 6 * MINUTE, origin: WAYPOINT })
    assert.deepEqual(workloads(f), [7])
  })

  it('keeps its peer while it waits for the file', () => {
    const f = new LedgerFixture({}, Number.MAX_SAFE_INTEGER)
    f.hear({ type: END, upload: 5, start: 0, at: 1000, peer: '7', origin: WAYPOINT })
    assert.equal(f.held.size, 1)
    f.answerFrom(new Map())
    assert.deepEqual(workloads(f), [7])
  })

  it('of a sidecar belongs to the sidecar’s workload, whatever stands in its entry', () => {
    const f = new LedgerFixture()
    f.hear({ type: END, upload: 5, start: 0, at: 1000, peer: '7' })
    assert.deepEqual(workloads(f), [0])
  })
})

it('a gateway’s connection that was silent before its first byte is a hop all the same', () => {
  const f = new LedgerFixture()
  f.hear({ type: PERIODIC, sni: '', start: 0, at: 1000, origin: { hops: 'all' } })
  f.pass(6 * MINUTE)
  f.hear({ type: END, upload: 5, start: 0, at: 6 * MINUTE, origin: { hops: 'all' } })
  assert.deepEqual(f.usage(), {})
  assert.equal(f.coverage.hopBytes, 5)
})
