import assert from 'node:assert/strict'
import { test } from 'node:test'
import { descriptorShares, openFileLimit } from '../../src/runtime/descriptors.ts'

test('connections never get all descriptors', () => {
  for (const limit of [10, 64, 256, 1024, 4096, 65_536, 1_048_576, Number.MAX_SAFE_INTEGER]) {
    const { als, http, reserve } = descriptorShares(limit)
    assert.ok(als >= 1 && http >= 1, `${limit}`)
    if (limit >= 128) assert.equal(als + http + reserve, limit)
  }
  assert.deepEqual(descriptorShares(1024), { limit: 1024, reserve: 256, als: 615, http: 153 })
  assert.equal(descriptorShares(1_048_576).http, 256)
})

test('the soft limit is read as /proc writes it', () => {
  const limits = (soft: string): string =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}                 4096                 files     \n`
  assert.equal(openFileLimit(limits('1024')), 1024)
  assert.equal(openFileLimit(limits('unlimited')), Number.MAX_SAFE_INTEGER)
  assert.equal(openFileLimit(''), 1024)
  assert.ok(openFileLimit() > 0)
})
