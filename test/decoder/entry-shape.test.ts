import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LONG_MS, Shape } from '../../src/model/entry-shape.ts'
import { Said } from '../../src/model/said-moments.ts'
import { NO_TIME } from '../../src/model/sample.ts'
import { tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { DecoderFixture } from './decoded-samples.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const ID = { streamId: '00000000-0000-4000-8000-000000000001', startMs: NOON }

describe('the shapes of a message', () => {
  it('count its samples: last words, long ones, requests, those without a type', () => {
    const { decoder, batch } = new DecoderFixture()
    const entries = [
      tcpEntry({ ...ID, type: 2 }),
      tcpEntry({ ...ID, type: 2 }),
      tcpEntry({ ...ID, type: 3, durationMs: LONG_MS - 1 }),
      tcpEntry({ ...ID, type: 3, durationMs: LONG_MS }),
      tcpEntry({ ...ID, type: 0, intermediate: false }),
      tcpEntry({ ...ID, type: 6, intermediate: false }),
      // Refused, so no sample: no shape either.
      tcpEntry({ ...ID, type: 99 }),
    ]
    decoder.decode(tcpMessage(entries), { scope: new Uint8Array(16), envoyMinor: 1040 }, batch)
    const counted = Object.fromEntries([...decoder.shapes.entries()].filter(([, n]) => n > 0))
    assert.deepEqual(counted, {
      0: 2,
      [Shape.final]: 1,
      [Shape.final | Shape.long]: 1,
      [Shape.final | Shape.untyped]: 1,
      [Shape.final | Shape.request]: 1,
    })
    assert.equal(decoder.said[Said.end], NOON + LONG_MS)
  })

  it('are those of the last message only', () => {
    const { decoder, batch } = new DecoderFixture()
    const stream = { scope: new Uint8Array(16), envoyMinor: 1040 }
    decoder.decode(tcpMessage([tcpEntry({ ...ID, type: 3, durationMs: 5 })]), stream, batch)
    decoder.decode(tcpMessage([tcpEntry({ ...ID, type: 2 })]), stream, batch)
    assert.deepEqual([decoder.shapes[0], decoder.shapes[Shape.final]], [1, 0])
    assert.equal(decoder.said[Said.end], NO_TIME)
  })
})
