import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NameBudget } from '../../src/attribution/name-budget.ts'

const SENDER = '10.1.2.3'
const MIDNIGHT = Date.UTC(2026, 10, 25)

function makeBudget(perWorkloadPerDay: number, perDay: number): NameBudget {
  const budget = new NameBudget({ perWorkloadPerDay, perDay })
  budget.advance(MIDNIGHT - 1)
  return budget
}

describe('the budget of a workload', () => {
  it('is its own: another workload has room for the same number of names', () => {
    const budget = makeBudget(2, 100)
    budget.add(0, 10, SENDER)
    budget.add(0, 11, SENDER)
    assert.equal(budget.hasRoom(0, undefined, SENDER), false)
    assert.equal(budget.hasRoom(1, undefined, SENDER), true)
    assert.equal(budget.overflows, 1)
  })

  it('counts a name once', () => {
    const budget = makeBudget(2, 100)
    for (let i = 0; i < 5; i++) budget.add(0, 10, SENDER)
    assert.equal(budget.hasRoom(0, undefined, SENDER), true)
    assert.equal(budget.knows(0, 10), true)
    assert.equal(budget.knows(1, 10), false)
  })

  it('is spent by names that other workloads use too', () => {
    const budget = makeBudget(1, 100)
    budget.add(0, 10, SENDER)
    budget.add(1, 11, SENDER)
    assert.equal(budget.hasRoom(1, 10, SENDER), false)
  })
})

describe('the budget in all', () => {
  it('counts a name of two workloads once, and has room for a name that it knows', () => {
    const budget = makeBudget(10, 2)
    budget.add(0, 10, SENDER)
    budget.add(1, 10, SENDER)
    assert.equal(budget.hasRoom(0, undefined, SENDER), true)
    budget.add(0, 11, SENDER)
    assert.equal(budget.hasRoom(2, undefined, SENDER), false)
    assert.equal(budget.hasRoom(2, 12, SENDER), false)
    assert.equal(budget.hasRoom(2, 11, SENDER), true)
  })
})

describe('a UTC day', () => {
  it('begins the budgets anew at its midnight, and not before', () => {
    const budget = makeBudget(1, 1)
    budget.add(0, 10, SENDER)
    assert.equal(budget.advance(MIDNIGHT - 1), false)
    assert.equal(budget.hasRoom(0, undefined, SENDER), false)
    assert.equal(budget.advance(MIDNIGHT), true)
    assert.equal(budget.hasRoom(0, undefined, SENDER), true)
    assert.equal(budget.knows(0, 10), false)
    assert.deepEqual([...budget.destinations()], [])
    assert.deepEqual([...budget.workloads()], [])
  })

  it('does not come back when the clock goes back', () => {
    const budget = makeBudget(1, 1)
    budget.advance(MIDNIGHT)
    budget.add(0, 10, SENDER)
    assert.equal(budget.advance(MIDNIGHT - 1), false)
    assert.equal(budget.advance(MIDNIGHT), false)
    assert.equal(budget.hasRoom(0, undefined, SENDER), false)
  })
})
