import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Largest } from '../../src/runtime/largest.ts'

test('the largest of any numbers, in ascending order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 })),
      fc.integer({ min: 1, max: 20 }),
      (all, limit) => {
        const largest = new Largest<{ key: number }>(limit, ({ key }) => key)
        for (const key of all) largest.add({ key })
        assert.deepEqual(
          [...largest.drain()].map(({ key }) => key),
          all.toSorted((a, b) => a - b).slice(-limit),
        )
      },
    ),
  )
})
