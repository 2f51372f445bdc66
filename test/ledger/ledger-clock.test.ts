import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LedgerClock } from '../../src/ledger/ledger-clock.ts'

const NOON = Date.UTC(2026, 10, 24, 12)

describe('the ledger clock', () => {
  it('adds up the steps between arrivals, a minute at most for each', () => {
    const clock = new LedgerClock(5000, NOON)
    for (const at of [0, 1000, 61_000, 61_000 + 7 * 86_400_000]) clock.advance(NOON + at)
    assert.equal(clock.ms, 5000 + 1000 + 60_000 + 60_000)
  })

  it('does not count the time before its first arrival: nobody listened', () => {
    const clock = new LedgerClock(5000, NOON)
    clock.advance(NOON + 30_000)
    assert.equal(clock.ms, 5000)
  })

  it('stands still, and so does the newest moment, while a recording tells what has passed', () => {
    const clock = new LedgerClock(0, 0)
    for (const at of [10_000, 4000, 9000, 12_000]) clock.advance(NOON + at)
    assert.equal(clock.ms, 2000)
    assert.equal(clock.newestMs, NOON + 12_000)
  })

  it('keeps the newest moment of the file until an arrival is newer', () => {
    const clock = new LedgerClock(0, NOON)
    clock.advance(NOON - 1000)
    assert.equal(clock.newestMs, NOON)
    clock.advance(NOON + 1)
    assert.equal(clock.newestMs, NOON + 1)
  })
})
