import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Zone } from '../../src/runtime/zone.ts'

const HOUR_MS = 3_600_000
const ZONES = ['UTC', 'Asia/Shanghai', 'Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe']
const at = (iso: string): number => Date.parse(iso)

test('a zone has the name of the database, and what is none is refused with what to write', () => {
  assert.equal(Zone.of('asia/shanghai').name, 'Asia/Shanghai')
  assert.equal(Zone.of('utc').isUtc, true)
  assert.equal(Zone.of('Etc/UTC').isUtc, true)
  assert.equal(Zone.of('Asia/Kolkata').name, 'Asia/Kolkata')
  for (const wrong of ['', '+08:00', 'Mars/Olympus', 'Asia/Shanghai ', '1']) {
    assert.throws(() => Zone.of(wrong), /is no time zone; write a name of the IANA database, like /)
  }
})

test('times are shown with their offset, summer time included', () => {
  const newYork = Zone.of('America/New_York')
  assert.equal(newYork.iso(at('2026-11-01T05:59:59Z')), '2026-11-01T01:59:59-04:00')
  assert.equal(newYork.iso(at('2026-11-01T06:00:00Z')), '2026-11-01T01:00:00-05:00')
  assert.equal(
    Zone.of('Asia/Kolkata').iso(at('2026-01-01T00:00:00.250Z')),
    '2026-01-01T05:30:00.250+05:30',
  )
  assert.equal(Zone.utc.iso(at('2026-01-01T00:00:00Z'), true), '2026-01-01T00:00:00.000Z')
})

test('a local time that comes twice is the first one, one that is skipped is moved on', () => {
  const newYork = Zone.of('America/New_York')
  const moment = (local: string): string =>
    new Date(newYork.momentMs(at(`${local}Z`))).toISOString()
  assert.equal(moment('2026-11-01T01:30:00'), '2026-11-01T05:30:00.000Z')
  assert.equal(moment('2026-11-01T02:30:00'), '2026-11-01T07:30:00.000Z')
  assert.equal(moment('2026-03-08T02:30:00'), '2026-03-08T07:30:00.000Z')
  assert.equal(moment('2026-03-08T01:59:00'), '2026-03-08T06:59:00.000Z')
})

test('spans begin to the second where the offset changes', () => {
  assert.deepEqual(
    Zone.of('America/New_York').spans(at('2026-02-01T00:00Z'), at('2026-12-01T00:00Z')),
    [
      { fromMs: at('2026-02-01T00:00Z'), offsetMs: -5 * HOUR_MS },
      { fromMs: at('2026-03-08T07:00Z'), offsetMs: -4 * HOUR_MS },
      { fromMs: at('2026-11-01T06:00Z'), offsetMs: -5 * HOUR_MS },
    ],
  )
  assert.deepEqual(Zone.utc.spans(5, 5), [{ fromMs: 5, offsetMs: 0 }])
})

test('the local time of any moment leads back to it, or to its first coming', () => {
  const moments = fc.integer({ min: at('1995-01-01T00:00Z'), max: at('2035-01-01T00:00Z') })
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (name, ms) => {
      const zone = Zone.of(name)
      const local = ms + zone.offsetMs(ms)
      const back = zone.momentMs(local)
      assert.equal(back + zone.offsetMs(back), local)
      assert.ok(back <= ms && ms - back <= HOUR_MS)
      assert.equal(Date.parse(zone.iso(ms)), ms)
    }),
  )
})
