import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Health } from '../../src/telemetry/health.ts'

test('only ready is ready, and every other state has its reason', () => {
  const health = new Health()
  assert.deepEqual([health.ready, health.reason], [false, 'starting'])
  health.set('ready')
  assert.equal(health.ready, true)
  health.set('memory')
  assert.deepEqual([health.ready, health.reason], [false, 'memory budget is spent'])
  health.set('ready')
  health.set('stopping')
  assert.deepEqual([health.ready, health.reason], [false, 'stopping'])
})

test('listeners hear of every change once, and nothing follows stopping', () => {
  const health = new Health()
  const heard: string[] = []
  const off = health.onChange((state) => heard.push(state))
  for (const state of ['ready', 'ready', 'memory', 'stopping', 'ready'] as const) health.set(state)
  assert.deepEqual(heard, ['ready', 'memory', 'stopping'])
  assert.equal(health.state, 'stopping')
  off()
})

test('a listener that went away hears nothing', () => {
  const health = new Health()
  const heard: string[] = []
  health.onChange((state) => heard.push(state))()
  health.set('ready')
  assert.deepEqual(heard, [])
})
