import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { BYTES, Byte, CHUNK_MASK, RowState } from '../../src/ledger/connection-chunk.ts'
import { ConnectionTable } from '../../src/ledger/connection-table.ts'

it('finds what was inserted and not removed, like a map, through any sequence', () => {
  const operation = fc.record({ remove: fc.boolean(), key: fc.integer({ min: 0, max: 40 }) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), fc.integer(), (operations, seed) => {
      const table = new ConnectionTable(30, seed)
      const model = new Map<number, number>()
      for (const { remove, key } of operations) {
        const row = table.find(key, 0, 0, key)
        assert.equal(row, model.get(key) ?? -1)
        if (remove && row !== -1) {
          table.remove(row)
          model.delete(key)
        } else if (row === -1) {
          const made = table.insert(key, 0, 0, key)
          assert.equal(made === -1, model.size === 30)
          if (made !== -1) {
            table.chunk(made).bytes[(made & CHUNK_MASK) * BYTES + Byte.state] = RowState.open
            model.set(key, made)
          }
        }
      }
      assert.equal(table.size, model.size)
    }),
    { numRuns: 300 },
  )
})

it('takes at most 200 bytes for each of 500,000 connections', () => {
  const table = new ConnectionTable(625_000)
  for (let i = 0; i < 500_000; i++) table.insert(i, i * 7, ~i, 5)
  assert.ok(table.bytes / 500_000 <= 200, `${table.bytes / 500_000} bytes a row`)
})

it('refuses a row when it is full', () => {
  const table = new ConnectionTable(2)
  assert.notEqual(table.insert(1, 0, 0, 0), -1)
  assert.notEqual(table.insert(2, 0, 0, 0), -1)
  assert.equal(table.insert(3, 0, 0, 0), -1)
})
