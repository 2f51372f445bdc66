import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryWatch } from '../src/memory-watch.ts'
import { Health } from '../src/telemetry/health.ts'
import { SampledLogger } from '../src/telemetry/sampled-logger.ts'
import { memoryLogger } from './telemetry/memory-logger.ts'

const MIB = 2 ** 20
const SHED_ABOVE = 1000 * MIB

/** A watch of memory that a test sets: what is used, and what a collection leaves of it, MiB. */
function watched() {
  const state = { inUse: 0, resident: 0, afterCollection: undefined as number | undefined, ms: 0 }
  const health = new Health()
  health.set('ready')
  const pipeline = { shedding: false }
  const watch = new MemoryWatch(
    { shedAboveBytes: SHED_ABOVE },
    {
      pipeline,
      health,
      logger: new SampledLogger(memoryLogger(), { monotonicMs: () => state.ms }),
      monotonicMs: () => state.ms,
      bytesInUse: () => state.inUse * MIB,
      residentBytes: () => (state.resident === 0 ? undefined : state.resident * MIB),
      collect: () => {
        state.inUse = state.afterCollection ?? state.inUse
      },
    },
  )
  /** Looks once a second; gives the seconds in which it was ready. */
  const run = (seconds: number): number => {
    let ready = 0
    for (let i = 0; i < seconds; i++) {
      state.ms += 1000
      watch.look()
      if (health.ready) ready++
    }
    return ready
  }
  return { state, watch, pipeline, health, run }
}

test('resident memory that stays after a peak sheds nothing and stays ready', () => {
  const { state, pipeline, watch, run } = watched()
  Object.assign(state, { inUse: 26, resident: 1950 })
  assert.equal(run(600), 600)
  assert.equal(pipeline.shedding, false)
  assert.equal(watch.collections, 2, 'asked for at most every five minutes')
})

test('garbage is collected before anything is shed', () => {
  const { state, pipeline, run } = watched()
  Object.assign(state, { inUse: 1900, afterCollection: 100 })
  assert.equal(run(3), 3)
  assert.equal(pipeline.shedding, false)
})

test('what is really in use sheds periodic entries until there is room again', () => {
  const { state, pipeline, run } = watched()
  for (const [inUse, shedding] of [
    [1000, false],
    [1001, true],
    [950, true],
    [900, false],
    [950, false],
  ] as const) {
    state.inUse = inUse
    assert.equal(run(1), 1)
    assert.equal(pipeline.shedding, shedding, `${inUse}`)
  }
})

test('a spent budget turns it unready for a short while only: there is nowhere else to send', () => {
  const { state, pipeline, run } = watched()
  state.inUse = 1300
  assert.equal(run(3600), 3600 - 12 * 20, '20 s in about five minutes')
  assert.equal(pipeline.shedding, true)
  state.inUse = 100
  assert.equal(run(60), 60)
  assert.equal(pipeline.shedding, false)
})
