import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PendingUsage } from '../../src/rollup/pending-usage.ts'

const MINUTE = 60_000

interface Increment {
  readonly window: number
  readonly workload: number
  readonly destination: number
  readonly upload: number
}

function add(pending: PendingUsage, { window, workload, destination, upload }: Increment): void {
  pending.add(
    window,
    60,
    workload,
    workload,
    destination,
    upload,
    1,
    0,
    2,
    1,
    window + 5,
    window + 9,
  )
}

describe('usage since the last cut', () => {
  it('adds up per window, workload and destination, with the first and the last moment', () => {
    const pending = new PendingUsage(100)
    pending.add(0, 60, 1, 7, 2, 10, 20, 3, 1, 0, 50, 60)
    pending.add(0, 60, 1, 7, 2, 1, 2, 0, 0, 1, 40, 55)
    const cut = pending.cut()
    assert.deepEqual(
      Object.entries(cut).map(([name, column]) => [
        name,
        typeof column === 'number' ? column : [...column],
      ]),
      [
        ['count', 1],
        ['windowMs', [0]],
        ['windowSeconds', [60]],
        ['workload', [1]],
        ['pod', [7]],
        ['destination', [2]],
        ['upload', [11]],
        ['download', [22]],
        ['estimated', [3]],
        ['opened', [1]],
        ['closed', [1]],
        ['firstMs', [40]],
        ['lastMs', [60]],
      ],
    )
    assert.equal(pending.count, 0)
  })

  it('is a copy: what comes after the cut does not change it', () => {
    const pending = new PendingUsage(100)
    const increment = { window: 0, workload: 0, destination: 0, upload: 5 }
    add(pending, increment)
    const cut = pending.cut()
    add(pending, increment)
    assert.deepEqual([...cut.upload], [5])
    assert.deepEqual([...pending.cut().upload], [5])
  })

  it('loses no byte and no connection, whatever the bound, the keys and the cuts', () => {
    const increments = fc.array(
      fc.record({
        window: fc.integer({ min: 0, max: 20 }).map((n) => n * MINUTE),
        workload: fc.nat(3),
        destination: fc.nat(3),
        upload: fc.integer({ min: 0, max: 2 ** 52 }),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(increments, fc.nat(10), fc.integer({ min: 1, max: 60 }), (all, bound, every) => {
        const pending = new PendingUsage(bound)
        const sums = new Map<string, bigint>()
        let opened = 0
        const cut = () => {
          const rows = pending.cut()
          assert.ok(rows.count <= bound + 16 + all.length / 2)
          for (let i = 0; i < rows.count; i++) {
            assert.ok(Number.isSafeInteger(rows.upload[i]))
            const key = `${rows.workload[i]} ${rows.destination[i]}`
            sums.set(key, (sums.get(key) ?? 0n) + BigInt(rows.upload[i] as number))
            opened += rows.opened[i] as number
          }
        }
        all.forEach((increment, i) => {
          add(pending, increment)
          if (i % every === 0) cut()
        })
        cut()
        const expected = new Map<string, bigint>()
        for (const { workload, destination, upload } of all) {
          const key = `${workload} ${destination}`
          expected.set(key, (expected.get(key) ?? 0n) + BigInt(upload))
        }
        assert.deepEqual(sums, expected)
        assert.equal(opened, 2 * all.length)
      }),
      { numRuns: 200 },
    )
  })
})

describe('beyond the bound', () => {
  it('a delta joins the newest window of its pair, not the newest of all nor the last made', () => {
    const pending = new PendingUsage(3)
    const pair = { workload: 0, destination: 0 }
    add(pending, { ...pair, window: 2 * MINUTE, upload: 1 })
    add(pending, { ...pair, window: MINUTE, upload: 2 })
    add(pending, { workload: 0, destination: 1, window: 9 * MINUTE, upload: 4 })
    add(pending, { ...pair, window: 5 * MINUTE, upload: 8 })
    add(pending, { ...pair, window: MINUTE, upload: 16 })
    const cut = pending.cut()
    assert.deepEqual([...cut.windowMs], [2 * MINUTE, MINUTE, 9 * MINUTE])
    assert.deepEqual([...cut.upload], [9, 18, 4])
    assert.equal(pending.late, 1)
  })

  it('a delta that fits into no row of its pair exactly gets a row of its own', () => {
    const pending = new PendingUsage(1)
    const pair = { workload: 0, destination: 0 }
    add(pending, { ...pair, window: 0, upload: Number.MAX_SAFE_INTEGER - 1 })
    add(pending, { ...pair, window: MINUTE, upload: 10 })
    const cut = pending.cut()
    assert.deepEqual([...cut.upload], [Number.MAX_SAFE_INTEGER - 1, 10])
    assert.equal(pending.late, 0)
  })
})
