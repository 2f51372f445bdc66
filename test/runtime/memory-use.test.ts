import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesInUse, collectGarbage, residentBytes } from '../../src/runtime/memory-use.ts'

const MIB = 2 ** 20

test('what is in use grows with objects and buffers, and falls when they are gone', () => {
  collectGarbage()
  const before = bytesInUse()
  let kept: unknown[] | undefined = [
    Buffer.alloc(50 * MIB),
    Array.from({ length: 500_000 }, (_, i) => ({ i })),
  ]
  assert.ok(bytesInUse() - before > 60 * MIB)
  assert.equal(kept.length, 2)
  kept = undefined
  collectGarbage()
  assert.ok(bytesInUse() - before < 10 * MIB)
  assert.ok((residentBytes() ?? 0) > 10 * MIB)
})
