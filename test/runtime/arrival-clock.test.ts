import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ArrivalClock } from '../../src/runtime/arrival-clock.ts'

const START_MS = Date.UTC(2026, 10, 24, 18)
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

/** A wall clock and a monotonic one, moved by hand. */
function clocks(floorMs = 0) {
  const time = { wallMs: START_MS, monotonicMs: 5000.25 }
  const clock = new ArrivalClock({
    wallMs: () => time.wallMs,
    monotonicMs: () => time.monotonicMs,
    floorMs,
  })
  const pass = (ms: number): number => {
    time.wallMs += ms
    time.monotonicMs += ms
    return clock.now()
  }
  return { time, clock, pass }
}

test('the clock follows a wall clock that runs evenly', () => {
  const { clock, pass } = clocks()
  assert.equal(clock.now(), START_MS)
  assert.equal(pass(1.5), START_MS + 1)
  assert.equal(pass(0.5), START_MS + 2)
  assert.equal(pass(HOUR_MS), START_MS + 2 + HOUR_MS)
})

for (const [name, jumpMs] of [
  ['an hour forwards', HOUR_MS],
  ['an hour back', -HOUR_MS],
  ['a year forwards', YEAR_MS],
  ['a year back', -YEAR_MS],
] as const) {
  test(`a wall clock that jumps ${name} moves the clock by at most 1 %`, () => {
    const { time, clock, pass } = clocks()
    time.wallMs += jumpMs
    assert.equal(clock.now(), START_MS)
    assert.equal(pass(60_000), START_MS + (jumpMs > 0 ? 60_600 : 59_400))
  })
}

test('a wall clock that was set right is reached and then followed', () => {
  const { time, pass } = clocks()
  time.wallMs += 1000
  // 1,000 ms at 1 % take 100 s.
  assert.equal(pass(50_000), START_MS + 50_500)
  assert.equal(pass(50_000), START_MS + 101_000)
  assert.equal(pass(50_000), START_MS + 151_000)
})

test('the clock never says less than the newest moment of the file', () => {
  const { clock, pass } = clocks(START_MS + 1000)
  assert.equal(clock.now(), START_MS + 1000)
  assert.equal(pass(100), START_MS + 1099)
  // From then on it waits for the wall clock, at 99 % of its pace.
  assert.equal(pass(100_000), START_MS + 100_100)
})

test('many small steps are as exact as one large one', () => {
  const { time, pass } = clocks()
  time.wallMs += HOUR_MS
  for (let i = 0; i < 100_000; i++) pass(0.01)
  assert.ok(Math.abs(pass(0) - (START_MS + 1010)) <= 1)
})

test('whatever the wall clock does: whole ms, never back, within 1 % of monotonic time', () => {
  const step = fc.record({
    passMs: fc.double({ min: 0, max: 100_000, noNaN: true }),
    jumpMs: fc.oneof(
      fc.constant(0),
      fc.double({ min: -2 * YEAR_MS, max: 2 * YEAR_MS, noNaN: true }),
    ),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), fc.nat(YEAR_MS), (steps, ahead) => {
      const floorMs = START_MS - YEAR_MS / 2 + ahead
      const { time, clock, pass } = clocks(floorMs)
      const first = clock.now()
      assert.equal(first, Math.max(START_MS, floorMs))
      let last = first
      let passedMs = 0
      for (const { passMs, jumpMs } of steps) {
        time.wallMs += jumpMs
        passedMs += passMs
        const now = pass(passMs)
        assert.ok(Number.isInteger(now))
        assert.ok(now >= last)
        assert.ok(now - first >= passedMs * 0.99 - 1.01, 'not slower than 99 %')
        assert.ok(now - first <= passedMs * 1.01 + 0.01, 'not faster than 101 %')
        last = now
      }
    }),
  )
})
