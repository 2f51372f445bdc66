import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Snapshot, TopRates } from '../../src/cli/top-rates.ts'

function snapshot(
  atMs: number,
  totals: Record<string, [bigint, bigint]>,
  complete = true,
  all = { upload: 0n, download: 0n },
): Snapshot {
  const rows = Object.entries(totals).map(
    ([key, [upload, download]]) => [key, { upload, download }] as const,
  )
  return { atMs, rows: new Map(rows), complete, all }
}

test('a rate is the growth over the time between the oldest and the newest look', () => {
  const rates = new TopRates(10_000)
  rates.add(snapshot(1000, { a: [100n, 0n] }))
  assert.equal(rates.of('a'), undefined)
  rates.add(snapshot(3000, { a: [300n, 50n] }))
  assert.deepEqual(rates.of('a'), { upload: 100, download: 25 })
  rates.add(snapshot(5000, { a: [300n, 50n] }))
  assert.deepEqual(rates.of('a'), { upload: 50, download: 12.5 })
})

test('looks that are older than the span leave, so a burst does not count for ever', () => {
  const rates = new TopRates(4000)
  rates.add(snapshot(0, { a: [0n, 0n] }))
  rates.add(snapshot(2000, { a: [8000n, 0n] }))
  rates.add(snapshot(4000, { a: [8000n, 0n] }))
  assert.equal(rates.of('a')?.upload, 2000)
  rates.add(snapshot(6000, { a: [8000n, 0n] }))
  assert.equal(rates.of('a')?.upload, 0)
})

test('a new row was 0 before if the older look held every row, and is unknown otherwise', () => {
  const whole = new TopRates(10_000)
  whole.add(snapshot(0, {}))
  whole.add(snapshot(1000, { a: [500n, 0n] }))
  assert.equal(whole.of('a')?.upload, 500)
  const cut = new TopRates(10_000)
  cut.add(snapshot(0, {}, false))
  cut.add(snapshot(1000, { a: [500n, 0n] }))
  assert.equal(cut.of('a'), undefined)
})

test('totals that shrank are another file: no rate rather than a wrong one', () => {
  const rates = new TopRates(10_000)
  rates.add(snapshot(0, { a: [500n, 0n] }))
  rates.add(snapshot(1000, { a: [1n, 0n] }))
  assert.equal(rates.of('a'), undefined)
})

test('differences are exact beyond 2^53', () => {
  const rates = new TopRates(10_000)
  rates.add(snapshot(0, { a: [2n ** 62n, 0n] }))
  rates.add(snapshot(1000, { a: [2n ** 62n + 3n, 0n] }))
  assert.equal(rates.of('a')?.upload, 3)
})

test('the rate of all rows is the growth of their totals, whichever rows an answer has', () => {
  const rates = new TopRates(10_000)
  rates.add(snapshot(0, {}, false, { upload: 2n ** 62n, download: 5n }))
  assert.deepEqual(rates.all, { totals: { upload: 2n ** 62n, download: 5n }, rate: undefined })
  rates.add(snapshot(2000, {}, false, { upload: 2n ** 62n + 3n, download: 9n }))
  assert.deepEqual(rates.all.rate, { upload: 1.5, download: 2 })
  rates.add(snapshot(3000, {}, false, { upload: 1n, download: 9n }))
  assert.equal(rates.all.rate, undefined)
})
