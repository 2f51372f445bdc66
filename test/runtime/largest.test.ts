import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Largest } from '../../src/runtime/largest.ts'

test('the largest of any numbers, in ascending order, of equal ones the smaller text as the larger', () => {
  const items = fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), text: fc.string() }))
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 20 }), (all, limit) => {
      const largest = new Largest<{ key: number; text: string }>(
        limit,
        ({ key }) => key,
        ({ text }) => text,
      )
      for (const item of all) largest.add(item)
      assert.deepEqual(
        [...largest.drain()],
        all
          .toSorted((a, b) => a.key - b.key || (a.text === b.text ? 0 : a.text > b.text ? -1 : 1))
          .slice(-limit),
      )
    }),
  )
})
