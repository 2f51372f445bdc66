import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BudgetedReader, ReadBudget } from '../../src/receiver/read-budget.ts'
import { until } from '../helpers/until.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** A reader that holds what a test says. */
class FakeReader implements BudgetedReader {
  held = 0
  missing = 1
  counted = 0
  isPaused = false
  isCut = false
  readonly key: string
  readonly #budget: ReadBudget

  constructor(budget: ReadBudget, key: string) {
    this.#budget = budget
    this.key = key
  }

  hold(bytes: number): void {
    this.held = bytes
    this.#budget.update(this)
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  cut(): void {
    this.isCut = true
  }
}

const readers = (budget: ReadBudget, key: string, count: number): FakeReader[] =>
  Array.from({ length: count }, () => new FakeReader(budget, key))

test('above the budget streams wait, those of who holds most; another sender goes on', async () => {
  const budget = new ReadBudget(16 * MIB)
  const greedy = readers(budget, 'greedy', 40)
  for (const reader of greedy) reader.hold(MIB)
  const waiting = greedy.filter(({ isPaused }) => isPaused)
  assert.ok(waiting.length >= 20 && budget.waiting === waiting.length)
  const [honest] = readers(budget, 'honest', 1)
  honest?.hold(200 * KIB)
  assert.equal(honest?.isPaused, false)

  // As messages become whole, the others go on, and in the end nothing is held.
  let rounds = 0
  while (greedy.some(({ held }) => held > 0)) {
    for (const reader of greedy) if (!reader.isPaused && reader.held > 0) reader.hold(0)
    await until('one goes on', () => {
      return greedy.some(({ isPaused, held }) => !isPaused && held > 0) || budget.waiting === 0
    })
    assert.ok(++rounds < 50)
  }
  honest?.hold(0)
  assert.equal(budget.held, 0)
})

test('when all wait, one goes on all the same', async () => {
  const budget = new ReadBudget(16 * MIB)
  const stuck = readers(budget, 'stuck', 100)
  for (const reader of stuck) reader.hold(180 * KIB)
  for (const reader of stuck) reader.hold(190 * KIB)
  stuck[70]!.missing = 0
  for (const reader of stuck) reader.hold(191 * KIB)
  const waiting = stuck.filter(({ isPaused }) => isPaused)
  assert.ok(waiting.length > 0)
  await until('one goes on', () => waiting.some(({ isPaused }) => !isPaused))
  assert.ok(waiting.filter(({ isPaused }) => !isPaused).length <= 2)
  for (const reader of stuck) budget.leave(reader)
  assert.equal(budget.held, 0)
})

test('what most streams hold never waits, however many there are', () => {
  const budget = new ReadBudget(16 * MIB)
  const crowd = readers(budget, 'crowd', 2000)
  for (const reader of crowd) reader.hold(64 * KIB)
  assert.equal(budget.waiting, 0)
  assert.equal(budget.held, 0)
  for (const reader of crowd) budget.leave(reader)
})

test('streams that wait and fill their windows are cut, the largest of the largest sender first', async () => {
  const budget = new ReadBudget(16 * MIB)
  const attackers = readers(budget, 'attacker', 60)
  const [honest] = readers(budget, 'honest', 1)
  for (const reader of attackers) reader.hold(MIB)
  honest?.hold(300 * KIB)
  // What was under way arrives though nobody reads.
  for (const reader of attackers) if (reader.isPaused) reader.held = 2 * MIB
  await until('some are cut', () => budget.cuts > 0)
  assert.equal(honest?.isCut, false)
  const left = attackers.filter(({ isCut, isPaused }) => isPaused && !isCut)
  assert.ok(left.length * 2 * MIB <= 32 * MIB)
  for (const reader of [...attackers, ...(honest ? [honest] : [])]) budget.leave(reader)
  assert.equal(budget.held, 0)
})
