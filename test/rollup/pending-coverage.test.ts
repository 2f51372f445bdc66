import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { REJECT_REASONS, Reject } from '../../src/model/reject-reason.ts'
import { PendingCoverage } from '../../src/rollup/pending-coverage.ts'
import { WindowLengths } from '../../src/rollup/window-lengths.ts'

const MINUTE = 60_000
const MINUTES = new WindowLengths([{ fromMs: 0, seconds: 60 }])
const NOTHING = new Float64Array(REJECT_REASONS.length)

function rejections(counts: Partial<Record<keyof typeof Reject, number>>): Float64Array {
  return Float64Array.from(REJECT_REASONS, (reason) => counts[reason] ?? 0)
}

/** `node@minute`: entries, seen, closed, then refusals by reason. */
function rowsOf(coverage: PendingCoverage): Record<string, string> {
  const cut = coverage.cut()
  return Object.fromEntries(
    Array.from({ length: cut.count }, (_, i) => {
      const refused = cut.reasons
        .map((reason, r) => ({ reason, count: cut.rejected[i * cut.reasons.length + r] ?? 0 }))
        .filter(({ count }) => count > 0)
        .map(({ reason, count }) => ` ${reason} ${count}`)
      return [
        `${cut.node[i]}@${(cut.windowMs[i] ?? 0) / MINUTE}`,
        `${cut.entries[i]} ${cut.seen[i]} ${cut.closed[i]}${refused.join('')}`,
      ]
    }),
  )
}

describe('coverage since the last cut', () => {
  it('has a row for each node and window, and begins anew after a cut', () => {
    const coverage = new PendingCoverage(MINUTES, 100)
    coverage.at(10)
    coverage.received(0, 3, rejections({ unknown_type: 1 }))
    coverage.seen(0)
    coverage.received(1, 1, NOTHING)
    coverage.at(MINUTE - 1)
    coverage.received(0, 2, NOTHING)
    coverage.at(MINUTE)
    coverage.closed(0)
    coverage.rejected(0, Reject.no_room)
    assert.equal(coverage.count, 3)
    assert.deepEqual(rowsOf(coverage), {
      '0@0': '5 1 0 unknown_type 1',
      '1@0': '1 0 0',
      '0@1': '0 0 1 no_room 1',
    })
    coverage.received(0, 4, NOTHING)
    assert.deepEqual(rowsOf(coverage), { '0@1': '4 0 0' })
  })

  it('hands what was shed on as a reason like any other', () => {
    const coverage = new PendingCoverage(MINUTES, 100)
    coverage.at(0)
    coverage.received(0, 5, rejections({ shed: 4 }))
    assert.deepEqual([coverage.cut().rejected[Reject.shed]], [4])
  })

  it('goes back to the window of an arrival that is earlier', () => {
    const coverage = new PendingCoverage(MINUTES, 100)
    for (const at of [MINUTE, 0]) {
      coverage.at(at)
      coverage.received(0, 1, NOTHING)
    }
    assert.deepEqual(rowsOf(coverage), { '0@1': '1 0 0', '0@0': '1 0 0' })
  })

  it('keeps every count beyond its bound, with the last window of the node', () => {
    const coverage = new PendingCoverage(MINUTES, 2)
    for (let minute = 0; minute < 5; minute++) {
      coverage.at(minute * MINUTE)
      coverage.received(0, 10, rejections({ shed: 1 }))
      coverage.received(1, 1, NOTHING)
      coverage.seen(1)
    }
    assert.equal(coverage.count, 2)
    assert.deepEqual(rowsOf(coverage), { '0@0': '50 0 0 shed 5', '1@0': '5 5 0' })
    assert.equal(coverage.entries, 55)
    assert.equal(coverage.rejectedTotals[Reject.shed], 5)
  })

  it('gives a node without a row one even beyond the bound', () => {
    const coverage = new PendingCoverage(MINUTES, 1)
    coverage.at(0)
    coverage.received(0, 1, NOTHING)
    coverage.at(MINUTE)
    coverage.received(1, 2, NOTHING)
    coverage.received(0, 4, NOTHING)
    assert.deepEqual(rowsOf(coverage), { '0@0': '5 0 0', '1@1': '2 0 0' })
  })

  it('is booked to its own window again once the pending rows are cut', () => {
    const coverage = new PendingCoverage(MINUTES, 1)
    coverage.at(0)
    coverage.received(0, 1, NOTHING)
    coverage.at(MINUTE)
    coverage.received(0, 2, NOTHING)
    assert.deepEqual(rowsOf(coverage), { '0@0': '3 0 0' })
    coverage.received(0, 4, NOTHING)
    assert.deepEqual(rowsOf(coverage), { '0@1': '4 0 0' })
  })

  it('has windows of the length in force', () => {
    const day = 86_400_000
    const lengths = new WindowLengths([
      { fromMs: 0, seconds: 60 },
      { fromMs: day, seconds: 3600 },
    ])
    const coverage = new PendingCoverage(lengths, 100)
    for (const at of [day - 1, day, day + 59 * MINUTE]) {
      coverage.at(at)
      coverage.received(0, 1, NOTHING)
    }
    const cut = coverage.cut()
    assert.deepEqual([...cut.windowMs], [day - MINUTE, day])
    assert.deepEqual([...cut.windowSeconds], [60, 3600])
    assert.deepEqual([...cut.entries], [1, 2])
  })
})
