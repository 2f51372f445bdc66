import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairShare, wholePool } from '../../src/runtime/fair-share.ts'

function fill(pool: FairShare, sender: string): number {
  let taken = 0
  while (pool.hasRoom(sender)) {
    pool.take(sender)
    taken++
  }
  return taken
}

test('a sender that is alone gets exactly the limit, whatever it is', () => {
  for (const limit of [1, 2, 3, 7, 8, 9, 64, 1000, 4097]) {
    assert.equal(fill(new FairShare(limit), 'a'), limit, `limit ${limit}`)
  }
})

test('one flood leaves a ninth of the pool to the others', () => {
  const pool = new FairShare(1000)
  assert.equal(fill(pool, 'flood'), 1000)
  assert.equal(fill(pool, 'honest'), 112)
})

test('a newcomer gets what is guaranteed, however many senders took all they could', () => {
  const pool = new FairShare(1000, 10)
  for (let i = 0; i < 20; i++) fill(pool, `flood-${i}`)
  assert.equal(fill(pool, 'honest'), 10)
  assert.ok(pool.total <= 1125 + 21 * 10, `${pool.total}`)
})

test('a pool of a capacity holds exactly that in all, whatever it is', () => {
  for (const capacity of [10, 12, 100, 230, 1000, 4097]) {
    const pool = wholePool(capacity)
    for (let i = 0; i < 500; i++) fill(pool, `sender-${i}`)
    assert.equal(pool.total, capacity)
  }
})

test('an amount has room as a whole or not at all', () => {
  const pool = new FairShare(100)
  assert.equal(pool.hasRoom('a', 100), true)
  assert.equal(pool.hasRoom('a', 101), false)
  pool.take('a', 100)
  assert.equal(pool.hasRoom('a'), false)
  assert.equal(pool.hasRoom('b', 11), true)
  assert.equal(pool.refusals, 2)
})

test('what is released can be taken again, and nobody is remembered who holds nothing', () => {
  const pool = new FairShare(10)
  pool.take('a', 10)
  pool.take('b', 1)
  assert.equal(pool.largest(), 'a')
  pool.release('a', 10)
  assert.deepEqual([pool.total, pool.senders, pool.largest()], [1, 1, 'b'])
  pool.clear()
  assert.deepEqual([pool.total, pool.senders, pool.largest()], [0, 0, undefined])
})

test('law: all together hold at most nine eighths of the limit, and sums are right', () => {
  const step = fc.record({
    sender: fc.constantFrom('a', 'b', 'c', 'd'),
    amount: fc.integer({ min: 1, max: 40 }),
    gives: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(step, { maxLength: 200 }),
      (limit, steps) => {
        const pool = new FairShare(limit)
        const held = new Map<string, number>()
        for (const { sender, amount, gives } of steps) {
          const has = held.get(sender) ?? 0
          if (gives) {
            const back = Math.min(has, amount)
            if (back === 0) continue
            pool.release(sender, back)
            held.set(sender, has - back)
          } else if (pool.hasRoom(sender, amount)) {
            pool.take(sender, amount)
            held.set(sender, has + amount)
          }
          assert.ok(pool.total <= (limit * 9) / 8)
          assert.ok(pool.held(sender) <= limit)
          assert.equal(pool.held(sender), held.get(sender) ?? 0)
        }
        assert.equal(
          pool.total,
          [...held.values()].reduce((sum, one) => sum + one, 0),
        )
      },
    ),
  )
})
