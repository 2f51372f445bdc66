import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/config/duration.ts'
import { formatSize, parseSize } from '../../src/config/size.ts'

test('durations are read with their units, alone and joined', () => {
  assert.deepEqual(parseDuration('250ms'), { value: 250 })
  assert.deepEqual(parseDuration('15s'), { value: 15_000 })
  assert.deepEqual(parseDuration('1.5h'), { value: 5_400_000 })
  assert.deepEqual(parseDuration('1h30m'), { value: 5_400_000 })
  assert.deepEqual(parseDuration('3d'), { value: 259_200_000 })
  assert.deepEqual(parseDuration('0.1h'), { value: 360_000 })
  assert.deepEqual(parseDuration('0'), { value: 0 })
})

test('a duration without a unit, with an unknown one or with a sign is refused', () => {
  assert.deepEqual(parseDuration('60'), { wrong: 'has no unit' })
  assert.deepEqual(parseDuration('0.1ms'), { wrong: 'is not a whole number of milliseconds' })
  for (const text of ['', 's', '1w', '-1s', '1 s', '1S', '1h 30m', '1e3s', 'PT1M']) {
    assert.ok('wrong' in parseDuration(text), text)
  }
  assert.deepEqual(parseDuration('99999999999999d'), { wrong: 'is too long' })
})

test('sizes are read in 1024s, 1000s, as Kubernetes writes them, and as plain bytes', () => {
  assert.deepEqual(parseSize('64MiB'), { value: 67_108_864 })
  assert.deepEqual(parseSize('64Mi'), { value: 67_108_864 })
  assert.deepEqual(parseSize('1GB'), { value: 1_000_000_000 })
  assert.deepEqual(parseSize('1.5 GiB'), { value: 1_610_612_736 })
  assert.deepEqual(parseSize('10kb'), { value: 10_000 })
  assert.deepEqual(parseSize('4096'), { value: 4096 })
})

test('an ambiguous or unknown size unit is refused', () => {
  assert.deepEqual(parseSize('64M'), { wrong: 'has the unknown unit "M"' })
  assert.deepEqual(parseSize('1.5B'), { wrong: 'is not a whole number of bytes' })
  assert.deepEqual(parseSize('9999999TiB'), { wrong: 'is too large' })
  for (const text of ['', 'MiB', '-1MiB', '1 2MiB', '0x10']) {
    assert.ok('wrong' in parseSize(text), text)
  }
})

test('what is formatted reads back to the same value, in one unit', () => {
  assert.equal(formatDuration(90_000), '90s')
  assert.equal(formatDuration(86_400_000), '1d')
  assert.equal(formatDuration(0), '0s')
  assert.equal(formatSize(1_610_612_736), '1536MiB')
  assert.equal(formatSize(1_000_000_000), '1GB')
  assert.equal(formatSize(4097), '4097B')
  const amounts = fc.oneof(
    fc.nat(),
    fc.nat(1000).map((n) => n * 3_600_000),
    fc.maxSafeNat(),
  )
  fc.assert(
    fc.property(amounts, (amount) => {
      assert.deepEqual(parseDuration(formatDuration(amount)), { value: amount })
      assert.deepEqual(parseSize(formatSize(amount)), { value: amount })
    }),
  )
})
