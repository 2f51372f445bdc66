import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { escapedText } from '../../src/attribution/escaped-text.ts'
import { InvalidSnis } from '../../src/attribution/invalid-snis.ts'
import { SampleKind } from '../../src/model/sample.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const DAY = 86_400_000

/** Notes an invalid SNI of connection `id`. */
function note(
  snis: InvalidSnis,
  id: number,
  sender: string,
  kind: number = SampleKind.connection,
): void {
  snis.note(Int32Array.of(1, 0, 0, 0, id), 1, kind, `bad ${id}`, sender)
}

describe('invalid SNIs', () => {
  it('are handed on once, with the key of their connection', () => {
    const snis = new InvalidSnis()
    snis.at(NOON)
    note(snis, 7, 'a')
    note(snis, 8, 'a', SampleKind.request)
    const key = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 7 : 0))
    assert.deepEqual(snis.cut(), [{ key, text: 'bad 7' }])
    assert.deepEqual(snis.cut(), [])
    assert.equal(snis.count, 2)
    assert.equal(snis.dropped, 0)
  })

  it('are bounded per sender and day, with a share that nobody else can take', () => {
    const snis = new InvalidSnis()
    snis.at(NOON)
    for (let id = 0; id < 10_000; id++) note(snis, id, 'flood')
    assert.equal(snis.cut().length, 5000)
    assert.equal(snis.dropped, 5000)
    for (let id = 0; id < 20; id++) note(snis, 20_000 + id, 'neighbour')
    assert.equal(snis.cut().length, 20)
    snis.at(NOON + DAY)
    note(snis, 1, 'flood')
    assert.equal(snis.cut().length, 1)
  })

  it('are bounded in all', () => {
    const snis = new InvalidSnis()
    for (let sender = 0; sender < 6000; sender++) {
      for (let id = 0; id < 20; id++) note(snis, sender * 20 + id, `s${sender}`)
    }
    assert.equal(snis.cut().length, 50_000)
  })

  it('have a new budget on the next day, also after a wall clock that was far ahead', () => {
    const snis = new InvalidSnis()
    snis.at(NOON + 400 * DAY)
    for (let id = 0; id < 6000; id++) note(snis, id, 'flood')
    snis.stepTo(NOON)
    snis.at(NOON)
    note(snis, 6000, 'flood')
    assert.equal(snis.dropped, 1001)
    snis.at(NOON + DAY)
    note(snis, 6001, 'flood')
    assert.equal(snis.dropped, 1001)
  })
})

describe('an escaped text', () => {
  it('is printable ASCII of at most 256 characters, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        assert.match(escapedText(text), /^[ -~]{0,256}$/)
      }),
    )
  })

  it('differs for texts that differ and are whole', () => {
    assert.equal(escapedText('a\\b\u0000é'), 'a\\u{5c}b\\u{0}\\u{e9}')
    assert.equal(escapedText('a'.repeat(253)), 'a'.repeat(253))
    assert.equal(escapedText('é'.repeat(100)).endsWith('...'), true)
  })
})
