import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { StoredConnection } from '../../src/model/connection.ts'
import { LedgerFixture, NOON, type Word } from './ledger-fixture.ts'

const PERIODIC = 2
const END = 3
const MINUTE = 60_000

describe('laws', () => {
  const words = fc.array(
    fc.record({
      id: fc.integer({ min: 1, max: 4 }),
      upload: fc.integer({ min: 0, max: 1000 }),
      download: fc.integer({ min: 0, max: 1000 }),
      final: fc.boolean(),
      at: fc.integer({ min: 0, max: 20 * MINUTE }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  const expected = (heard: readonly Required<Pick<Word, 'id' | 'upload' | 'download'>>[]) => {
    const upload = new Map<number, number>()
    const download = new Map<number, number>()
    for (const word of heard) {
      upload.set(word.id, Math.max(upload.get(word.id) ?? 0, word.upload))
      download.set(word.id, Math.max(download.get(word.id) ?? 0, word.download))
    }
    const sum = (map: Map<number, number>) => [...map.values()].reduce((a, b) => a + b, 0)
    return { upload: sum(upload), download: sum(download), opened: upload.size }
  }

  it('the deltas of a connection add up to its highest counters, whatever the order and the copies', () => {
    fc.assert(
      fc.property(words, fc.array(fc.nat()), (heard, copies) => {
        const f = new LedgerFixture()
        const all = [...heard, ...copies.map((n) => heard[n % heard.length] ?? heard[0])]
        for (const word of all) {
          if (word === undefined) continue
          f.hear({ ...word, type: word.final ? END : PERIODIC, start: 0 })
        }
        const { upload, download, opened } = f.totals()
        assert.deepEqual({ upload, download, opened }, expected(heard))
      }),
      { numRuns: 300 },
    )
  })

  it('commits, sweeps and forgotten rows in between change no total', () => {
    fc.assert(
      fc.property(words, (heard) => {
        const f = new LedgerFixture()
        const file = new Map<string, StoredConnection>()
        for (const word of heard.toSorted((a, b) => a.at - b.at)) {
          f.hear({ ...word, type: word.final ? END : PERIODIC, start: 0 })
          f.answerFrom(file)
          f.commitTo(file)
        }
        const { upload, download, opened } = f.totals()
        assert.deepEqual({ upload, download, opened }, expected(heard))
      }),
      { numRuns: 200 },
    )
  })

  it('crashes in between change no total of connections that speak again', () => {
    const steps = fc.tuple(words, fc.array(fc.constantFrom('go on', 'commit', 'crash')))
    fc.assert(
      fc.property(steps, ([heard, events]) => {
        let f = new LedgerFixture()
        const file = new Map<string, StoredConnection>()
        const booked = { upload: 0, download: 0, opened: 0 }
        const commit = () => {
          f.commitTo(file)
          const { upload, download, opened } = f.totals()
          booked.upload += upload
          booked.download += download
          booked.opened += opened
        }
        const inOrder = heard.toSorted((a, b) => a.at - b.at)
        inOrder.forEach((word, i) => {
          f.hear({ ...word, type: word.final ? END : PERIODIC, start: 0 })
          f.answerFrom(file)
          if (events[i] === 'commit') commit()
          if (events[i] === 'crash') f = new LedgerFixture({}, NOON)
        })
        for (const word of heard) {
          f.hear({ ...word, type: END, start: 0, at: 21 * MINUTE })
          f.answerFrom(file)
        }
        commit()
        assert.deepEqual(booked, expected(heard))
      }),
      { numRuns: 300 },
    )
  })
})
