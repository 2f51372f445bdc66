import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from '../../src/runtime/backoff.ts'

test('delays double up to the cap and start over after a success', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 500, random: () => 0.999_999_999 })
  const next = (): number => Math.round(backoff.next())
  assert.deepEqual([next(), next(), next(), next(), next()], [100, 200, 400, 500, 500])
  backoff.reset()
  assert.equal(next(), 100)
})

test('a delay is between half and all of its step', () => {
  const smallest = new Backoff({ firstMs: 100, maxMs: 500, random: () => 0 })
  assert.deepEqual([smallest.next(), smallest.next()], [50, 100])
})
