import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ArrivalClock, firstMoment } from '../../src/runtime/arrival-clock.ts'

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

/** Looks for two seconds, four times a second; gives back what was seen and when, ms. */
function lookFor({ time, clock }: ReturnType<typeof clocks>, ms: number) {
  for (let passed = 250; passed <= ms; passed += 250) {
    time.wallMs += 250
    time.monotonicMs += 250
    const step = clock.look()
    if (step !== undefined) return { step, passed }
  }
  return undefined
}

for (const [name, jumpMs] of [
  ['six seconds forwards', 6000],
  ['an hour forwards', HOUR_MS],
  ['an hour back', -HOUR_MS],
  ['a year forwards', YEAR_MS],
  ['a year back', -YEAR_MS],
] as const) {
  test(`a wall clock that was set ${name} is taken over within a second, once`, () => {
    const made = clocks()
    const { time, clock } = made
    time.wallMs += jumpMs
    assert.equal(clock.now(), START_MS)
    assert.deepEqual(lookFor(made, 5000), {
      step: { fromMs: START_MS + 1000, toMs: START_MS + 1000 + jumpMs },
      passed: 1000,
    })
    assert.equal(clock.now(), START_MS + 1000 + jumpMs)
    assert.equal(lookFor(made, 5000), undefined)
    assert.deepEqual([clock.stepsForward, clock.stepsBack], jumpMs > 0 ? [1, 0] : [0, 1])
    assert.equal(clock.offsetMs, 0)
  })
}

test('what lasts less than a second, or is never the same, is no step', () => {
  const made = clocks()
  const { time, clock } = made
  time.wallMs += HOUR_MS
  assert.equal(lookFor(made, 750), undefined)
  time.wallMs -= HOUR_MS
  assert.equal(lookFor(made, 5000), undefined)
  for (let i = 0; i < 20; i++) {
    time.wallMs += 10_000
    assert.equal(lookFor(made, 750), undefined)
  }
  assert.equal(clock.now(), START_MS + 20_750, 'nor is it followed')
})

test('many looks at one moment are one look', () => {
  const { time, clock } = clocks()
  time.wallMs += HOUR_MS
  for (let i = 0; i < 100; i++) assert.equal(clock.look(), undefined)
})

test('a wall clock that was never set (1970) is not taken over', () => {
  const made = clocks()
  made.time.wallMs = 5000
  assert.equal(lookFor(made, 5000), undefined)
  assert.equal(made.clock.now(), START_MS + 5000)
})

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

for (const [name, wallMs, newestMs, first] of [
  ['the file is 5 s ahead', START_MS, START_MS + 5000, START_MS + 5000],
  ['the file is further ahead', START_MS, START_MS + 5001, START_MS],
  ['the file is a year ahead', START_MS, START_MS + YEAR_MS, START_MS],
  ['the file is behind', START_MS, START_MS - YEAR_MS, START_MS],
  ['the wall clock was never set', 5000, START_MS, START_MS],
  ['the wall clock was never set, and the file is new', 5000, 0, 5000],
] as const) {
  test(`where arrivals begin: ${name}`, () => {
    assert.equal(firstMoment(wallMs, newestMs), first)
  })
}

test('many small steps are as exact as one large one', () => {
  const { time, pass } = clocks()
  time.wallMs += 4000
  for (let i = 0; i < 100_000; i++) pass(0.01)
  assert.ok(Math.abs(pass(0) - (START_MS + 1010)) <= 1)
})

test('whatever the wall clock does, between two looks: whole ms, never back, within 1 % of monotonic time', () => {
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
      assert.equal(first, firstMoment(START_MS, floorMs))
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
