import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MAX_SPAN_WINDOWS, Rollup, share } from '../../src/rollup/rollup.ts'
import { WindowLengths } from '../../src/rollup/window-lengths.ts'

const MINUTE = 60_000
const MINUTES = new WindowLengths([{ fromMs: 0, seconds: 60 }])

function rowsOf(rollup: Rollup) {
  const cut = rollup.cut()
  return Array.from({ length: cut.count }, (_, i) => ({
    window: cut.windowMs[i] as number,
    upload: cut.upload[i] as number,
    download: cut.download[i] as number,
    estimated: cut.estimated[i] as number,
    opened: cut.opened[i] as number,
  })).sort((a, b) => a.window - b.window)
}

describe('booking a delta over its span', () => {
  it('gives each window its share of the overlap, in integers', () => {
    const rollup = new Rollup(MINUTES, 0, 100)
    rollup.book(0, 0, 0, 100, 10, 30_000, 150_000)
    assert.deepEqual(rowsOf(rollup), [
      { window: 0, upload: 25, download: 2, estimated: 27, opened: 0 },
      { window: MINUTE, upload: 50, download: 5, estimated: 55, opened: 0 },
      { window: 2 * MINUTE, upload: 25, download: 3, estimated: 28, opened: 0 },
    ])
  })

  it('estimates nothing of a span inside one window, its edges included', () => {
    const rollup = new Rollup(MINUTES, 0, 100)
    rollup.book(0, 0, 0, 100, 10, 0, MINUTE)
    assert.deepEqual(rowsOf(rollup), [
      { window: 0, upload: 100, download: 10, estimated: 0, opened: 0 },
    ])
  })

  it('cuts a span to its last 1,440 windows', () => {
    const rollup = new Rollup(MINUTES, 0, 10_000)
    const end = 5000 * MINUTE
    rollup.book(0, 0, 0, 1_440_000, 0, 0, end)
    const rows = rowsOf(rollup)
    assert.equal(rows.length, MAX_SPAN_WINDOWS)
    assert.equal(rows[0]?.window, end - MAX_SPAN_WINDOWS * MINUTE)
    assert.equal(
      rows.reduce((sum, row) => sum + row.upload, 0),
      1_440_000,
    )
  })

  it('makes no row before minutes_from, and counts what it moved', () => {
    const rollup = new Rollup(MINUTES, 10 * MINUTE, 100)
    rollup.book(0, 0, 0, 5, 0, 0, MINUTE)
    rollup.opened(0, 0, 0, 0)
    rollup.book(0, 0, 0, 6, 0, 9 * MINUTE, 11 * MINUTE)
    assert.deepEqual(rowsOf(rollup), [
      { window: 10 * MINUTE, upload: 11, download: 0, estimated: 6, opened: 1 },
    ])
    assert.equal(rollup.bookedLate, 3)
  })

  it('the parts of a delta add up to the delta, for any size and span', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.integer({ min: 0, max: 10 * 86_400_000 }),
        fc.integer({ min: 0, max: 3 * 86_400_000 }),
        fc.constantFrom(1, 10, 60, 3600, 86_400),
        (upload, download, start, length, seconds) => {
          const lengths = new WindowLengths([
            { fromMs: 0, seconds: 60 },
            { fromMs: 5 * 86_400_000, seconds },
          ])
          const rollup = new Rollup(lengths, 0, 1_000_000)
          rollup.book(0, 0, 0, upload, download, start, start + length)
          const rows = rowsOf(rollup)
          assert.ok(rows.every((row) => row.upload >= 0 && row.download >= 0))
          assert.equal(
            rows.reduce((sum, row) => sum + row.upload, 0),
            upload,
          )
          assert.equal(
            rows.reduce((sum, row) => sum + row.download, 0),
            download,
          )
          const estimated = rows.reduce((sum, row) => sum + row.estimated, 0)
          assert.ok(estimated === 0 || BigInt(estimated) === BigInt(upload) + BigInt(download))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('share', () => {
  it('never falls, begins at 0 and ends at the whole', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.integer({ min: 1, max: 86_400_000 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        (total, whole, fractions) => {
          const parts = fractions.map((f) => Math.floor(f * whole)).toSorted((a, b) => a - b)
          let before = 0
          for (const part of [0, ...parts, whole]) {
            const now = share(total, part, whole)
            assert.ok(now >= before && Number.isInteger(now))
            before = now
          }
          assert.equal(share(total, 0, whole), 0)
          assert.equal(before, total)
        },
      ),
    )
  })
})

describe('bounds', () => {
  it('beyond pending_rows a delta joins the newest pending window of its pair, counted late', () => {
    const rollup = new Rollup(MINUTES, 0, 2)
    rollup.book(0, 0, 0, 1, 0, 0, 1000)
    rollup.book(0, 0, 0, 2, 0, MINUTE, MINUTE + 1000)
    rollup.book(0, 0, 0, 4, 0, 2 * MINUTE, 2 * MINUTE + 1000)
    assert.deepEqual(
      rowsOf(rollup).map(({ window, upload }) => [window, upload]),
      [
        [0, 1],
        [MINUTE, 6],
      ],
    )
    assert.equal(rollup.bookedLate, 1)
  })

  it('gives a pair without a row one even then', () => {
    const rollup = new Rollup(MINUTES, 0, 1)
    rollup.book(0, 0, 0, 1, 0, 0, 1000)
    rollup.book(0, 0, 1, 2, 0, 0, 1000)
    assert.equal(rowsOf(rollup).length, 2)
    assert.equal(rollup.bookedLate, 0)
  })

  it('keeps sums exact beyond 2^53 by a second row for the same window', () => {
    const rollup = new Rollup(MINUTES, 0, 100)
    for (let i = 0; i < 20; i++) rollup.book(0, 0, 0, 2 ** 50 - 1, 0, 0, 1000)
    const rows = rowsOf(rollup)
    assert.ok(rows.every((row) => Number.isSafeInteger(row.upload)))
    assert.equal(
      rows.reduce((sum, row) => sum + BigInt(row.upload), 0n),
      20n * (2n ** 50n - 1n),
    )
  })

  it('finds every row again after growing', () => {
    const rollup = new Rollup(MINUTES, 0, 1_000_000)
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10_000; i++) rollup.book(i % 100, i % 100, i, 1, 2, 0, 1000)
    }
    const rows = rowsOf(rollup)
    assert.equal(rows.length, 10_000)
    assert.ok(rows.every((row) => row.upload === 2 && row.download === 4))
  })
})

describe('window lengths', () => {
  it('change at their moment, and windows stay half-open', () => {
    const day = 86_400_000
    const lengths = new WindowLengths([
      { fromMs: 0, seconds: 60 },
      { fromMs: day, seconds: 3600 },
    ])
    assert.equal(lengths.startOf(day - 1), day - MINUTE)
    assert.equal(lengths.startOf(day), day)
    assert.equal(lengths.startOf(day + 3_599_999), day)
    assert.equal(lengths.startOf(day + 3_600_000), day + 3_600_000)
  })
})
