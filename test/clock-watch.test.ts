import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockWatch } from '../src/clock-watch.ts'
import type { ClockStep } from '../src/model/clock-step.ts'
import type { ReceiverGap } from '../src/model/receiver-gap.ts'
import { ArrivalClock } from '../src/runtime/arrival-clock.ts'
import { Metrics } from '../src/telemetry/registry.ts'
import { memoryLogger } from './telemetry/memory-logger.ts'

const START = Date.UTC(2026, 10, 24, 12)
const HOUR = 3_600_000
const GAP: ReceiverGap = {
  reason: 'stopped',
  fromMs: START - 30_000,
  toMs: START,
  nodesBefore: 3,
  lossyNodes: 2,
  connections: 1,
}

/** A watch on clocks that a test moves, a second of looks, and what it did. */
function watched() {
  const time = { wallMs: START, monotonicMs: 0 }
  const clock = new ArrivalClock({
    wallMs: () => time.wallMs,
    monotonicMs: () => time.monotonicMs,
    floorMs: 0,
  })
  const steps: ClockStep[] = []
  const pipeline = { step: (step: ClockStep) => void steps.push(step), rollup: { bookedBytes: 0 } }
  const doctor: { gap: ReceiverGap | undefined } = { gap: undefined }
  const logger = memoryLogger()
  const watch = new ClockWatch({ clock, pipeline: pipeline as never, doctor, logger })
  const metrics = new Metrics()
  watch.declareMetrics(metrics)
  const set = (byMs: number): void => {
    time.wallMs += byMs
    for (let i = 0; i < 5; i++) {
      time.wallMs += 250
      time.monotonicMs += 250
      watch.look()
    }
  }
  const value = async (name: string): Promise<string | undefined> =>
    (await metrics.text())
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length + 1)
  return { watch, clock, time, steps, pipeline, doctor, logger, set, value }
}

for (const [direction, byMs, other] of [
  ['forward', 2 * HOUR, 'back'],
  ['back', -3 * HOUR, 'forward'],
] as const) {
  test(`a clock that was set ${direction} while no receiver ran is one step, in the log and the metric`, async () => {
    const { watch, logger, steps, value, set } = watched()
    watch.openedWith({ step: { fromMs: START - byMs, toMs: START } })
    const [line, ...others] = logger.lines
    assert.match(line?.message ?? '', /^the wall clock and the newest moment of the file disagree/)
    assert.deepEqual(others, [])
    const counter = 'snimeter_clock_steps_total'
    assert.equal(await value(`${counter}{direction="${direction}"}`), '1')
    assert.equal(await value(`${counter}{direction="${other}"}`), '0')
    assert.deepEqual(steps, [], 'the file has moved its moments already')
    set(byMs)
    assert.equal(await value(`${counter}{direction="${direction}"}`), '2')
    assert.equal(steps.length, 1)
  })
}

test('a clock that agrees with the file is no step, and nothing is logged', async () => {
  const { watch, logger, value } = watched()
  watch.openedWith({ step: undefined })
  assert.deepEqual(logger.lines, [])
  for (const direction of ['forward', 'back']) {
    assert.equal(await value(`snimeter_clock_steps_total{direction="${direction}"}`), '0')
  }
})

test('the log says how much was booked by the clock that was wrong', () => {
  const { pipeline, set, logger } = watched()
  pipeline.rollup.bookedBytes = 700
  set(HOUR)
  pipeline.rollup.bookedBytes = 1000
  set(-HOUR)
  const booked = logger.lines.map(
    ({ fields }) => (fields as Record<string, unknown>)['bookedBytes'],
  )
  assert.deepEqual(booked, [700, 300])
})

test('until a step the metric says how far the wall clock is off', async () => {
  const { clock, time, value } = watched()
  time.wallMs += 2 * HOUR
  assert.equal(Number(await value('snimeter_clock_offset_seconds')), 7200)
  assert.equal(clock.now(), START)
})

test('the time without a receiver moves with the clock: its end, and its begin where one clock made both', () => {
  for (const [sameClock, fromMs] of [
    [false, GAP.fromMs],
    [true, GAP.fromMs + HOUR],
  ] as const) {
    const { watch, doctor, set } = watched()
    watch.openedWith({ step: undefined, sameClock })
    doctor.gap = GAP
    set(HOUR)
    assert.deepEqual(doctor.gap, { ...GAP, fromMs, toMs: START + HOUR })
  }
  const { doctor, set } = watched()
  doctor.gap = GAP
  set(-HOUR)
  assert.deepEqual(doctor.gap, { ...GAP, toMs: GAP.fromMs }, 'it never ends before it begins')
})
