import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseMeter, growth, lostTail, momentOf } from '../../src/ledger/delta.ts'
import { Meter } from '../../src/model/connection.ts'

describe('the meter of a first sample', () => {
  it('is received and sent bytes for UDP (11 to 13), whatever the release', () => {
    for (const entryType of [11, 12, 13]) {
      assert.equal(chooseMeter(entryType, 1040), Meter.plain, `type ${entryType}`)
    }
  })

  it('is wire bytes for every other type, also of a sender that never told its release', () => {
    for (const entryType of [1, 2, 3, 4, 5, 6, 14]) {
      for (const envoyMinor of [0, 1025, 1040]) {
        assert.equal(chooseMeter(entryType, envoyMinor), Meter.wire, `type ${entryType}`)
      }
    }
  })

  it('is told by the release where the entry has no type', () => {
    assert.deepEqual(
      [0, 1025, 1026, 1040].map((envoyMinor) => chooseMeter(0, envoyMinor)),
      [Meter.plain, Meter.plain, Meter.wire, Meter.wire],
    )
  })
})

describe('growth', () => {
  it('is what a counter is above its maximum, never negative', () => {
    assert.deepEqual(
      [growth(10, 15), growth(10, 10), growth(10, 3), growth(0, 2 ** 50)],
      [5, 0, 0, 2 ** 50],
    )
  })
})

describe('the moment of a sample', () => {
  it('is start and duration in whole ms, never after the arrival', () => {
    assert.equal(momentOf(1000.6, 500.7, 9000), 1501)
    assert.equal(momentOf(1000, 500, 1400), 1400)
    assert.equal(momentOf(1000, 0, 9000), 1000)
  })

  it('is the arrival where start or duration is missing', () => {
    assert.equal(momentOf(-1, 500, 9000), 9000)
    assert.equal(momentOf(1000, -1, 9000), 9000)
  })
})

describe('the lost tail', () => {
  it('is the last rate for one flush interval', () => {
    assert.equal(lostTail(6000, 0, 60_000, 30_000), 3000)
    assert.equal(lostTail(100, 0, 90_000, 30_000), 33)
  })

  it('is at most the last delta, however short its span', () => {
    assert.equal(lostTail(6000, 0, 10_000, 30_000), 6000)
    assert.equal(lostTail(6000, 500, 500, 30_000), 6000)
  })

  it('is nothing after an idle sample', () => {
    assert.equal(lostTail(0, 0, 60_000, 30_000), 0)
  })
})
