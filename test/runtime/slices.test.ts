import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachInSlices } from '../../src/runtime/slices.ts'
import { HeldThread } from '../helpers/held-thread.ts'

test('every item is met once, in order, and others have their turn meanwhile', async () => {
  let turns = 0
  const count = (): void => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  const met: number[] = []
  const spin = (): void => {
    const endMs = performance.now() + 0.2
    while (performance.now() < endMs);
  }
  await forEachInSlices(Array(200).keys(), (item) => {
    met.push(item)
    spin()
  })
  clearImmediate(next)
  assert.deepEqual(met, [...Array(200).keys()])
  assert.ok(turns >= 4, `${turns} turns`)
})

test('no turn holds the thread for long, however much there is to do', async () => {
  const held = new HeldThread()
  await forEachInSlices(Array(2000).keys(), () => {
    const endMs = performance.now() + 0.1
    while (performance.now() < endMs);
  })
  const longestMs = held.stop()
  assert.ok(longestMs < 15, `${longestMs} ms`)
})

test('it ends when the work says so', async () => {
  const met: number[] = []
  await forEachInSlices([1, 2, 3, 4], (item) => met.push(item) < 2)
  assert.deepEqual(met, [1, 2])
})
