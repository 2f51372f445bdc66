import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { MessageDecoder } from '../../src/decoder/message-decoder.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { SampleBatch } from '../../src/model/sample.ts'
import { readCapture } from '../../src/recording/capture-reader.ts'
import { recordableOf } from '../../src/recording/recordable.ts'

const SCOPE = { scope: new Uint8Array(16), envoyMinor: 1040 }

/** What is recorded of a message without an identifier: see CaptureWriter. */
function recorded(message: Uint8Array): Buffer {
  const { ranges, malformed } = recordableOf(message)
  const parts = ranges.map(([start, end]) => message.subarray(start, end))
  return Buffer.concat(malformed ? [...parts, Buffer.of(0x0a)] : parts)
}

/** What the decoder makes of a message. */
function decoded(message: Uint8Array) {
  const decoder = new MessageDecoder(new TextInterner())
  const batch = new SampleBatch()
  decoder.decode(message, SCOPE, batch)
  const { count } = batch
  return {
    entries: decoder.entries,
    rejected: [...decoder.rejected],
    identity: [...batch.identity.subarray(0, 4 * count)],
    upload: [...batch.wireUpload.subarray(0, count)],
    download: [...batch.wireDownload.subarray(0, count)],
  }
}

const field = (number: number, content: Uint8Array): Buffer => {
  assert.ok(content.length < 128)
  return Buffer.concat([Buffer.of(number * 8 + 2, content.length), content])
}

const text = (value: string): Buffer => Buffer.from(value)

test('only log entries are recordable, whatever stands before, between and behind', () => {
  const message = Buffer.concat([
    field(1, text('secret')),
    field(3, text('tcp')),
    field(2, text('http')),
    field(9, text('secret')),
    Buffer.of(0x20, 1),
    Buffer.from([0x33, ...field(1, text('secret')), 0x34]),
    field(1, text('secret')),
    field(3, text('more')),
  ])
  const expected = Buffer.concat([
    field(3, text('tcp')),
    field(2, text('http')),
    field(3, text('more')),
  ])
  assert.deepEqual(recorded(message), expected)
  assert.equal(recordableOf(message).malformed, false)
})

test('a message of log entries alone is one range', () => {
  const message = Buffer.concat([field(3, text('a')), field(3, text('b'))])
  assert.deepEqual(recordableOf(message), {
    ranges: [[0, message.length]],
    malformed: false,
    goesOn: false,
  })
})

test('what is recorded goes on where the decoder says so of the message', () => {
  const marks = fc.constantFrom(
    Buffer.of(120, 1),
    Buffer.of(120, 0),
    Buffer.of(120, 0x80, 0),
    Buffer.of(120, 0x81, 0),
    Buffer.of(120, 0x80),
    Buffer.of(128, 1, 1),
    Buffer.of(0),
    field(3, text('tcp')),
    field(1, text('secret')),
    field(15, text('secret')),
  )
  const decoder = new MessageDecoder(new TextInterner())
  fc.assert(
    fc.property(fc.array(marks, { maxLength: 6 }), (fields) => {
      const message = Buffer.concat(fields)
      decoder.scan(message)
      assert.equal(recordableOf(message).goesOn, decoder.goesOn)
    }),
    { numRuns: 500 },
  )
})

test('of what cannot be read nothing is kept but that it cannot', () => {
  for (const rest of [
    Buffer.from([0x0a, 100, ...text('secret')]),
    Buffer.from([0x1a, 0xff]),
    Buffer.from([0x04, ...text('secret')]),
    Buffer.from([0x0f, ...text('secret')]),
    Buffer.of(0x80),
    Buffer.of(0x2b, 0x34),
  ]) {
    const message = Buffer.concat([field(3, text('tcp')), rest])
    assert.deepEqual(recorded(message), Buffer.concat([field(3, text('tcp')), Buffer.of(0x0a)]))
  }
})

test('a list of entries that is cut short is kept as far as it goes', () => {
  const message = Buffer.concat([
    field(1, text('secret')),
    Buffer.from([0x1a, 100, ...text('tcp')]),
  ])
  assert.deepEqual(recorded(message), Buffer.from([0x1a, 100, ...text('tcp')]))
})

const messages = Array.from(
  readCapture(
    fileURLToPath(
      new URL('../fixtures/captures/1.40.0/long-lived-periodic.alscap', import.meta.url),
    ),
  ),
  ({ message }) => Buffer.from(message),
)

test('real messages decode to the same samples from their recording', () => {
  for (const message of messages) assert.deepEqual(decoded(recorded(message)), decoded(message))
})

test('damaged messages decode to the same samples and refusals from their recording', () => {
  // Without identifiers, which are most of a message's bytes and none of its samples.
  const small = messages.map(recorded).filter(({ length }) => length > 0)
  const damage = fc.record({
    message: fc.constantFrom(...small),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    flips: fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
    tail: fc.uint8Array({ maxLength: 12 }),
  })
  fc.assert(
    fc.property(damage, ({ message, cut, flips, tail }) => {
      const bytes = Buffer.from(message.subarray(0, Math.ceil(message.length * cut)))
      for (const [at, mask] of flips) {
        // Near the front, where the structure is.
        const index = at % Math.max(1, Math.min(bytes.length, 40))
        if (bytes.length > 0) bytes[index] = (bytes[index] as number) ^ mask
      }
      const damaged = Buffer.concat([bytes, tail])
      assert.deepEqual(decoded(recorded(damaged)), decoded(damaged))
    }),
    { numRuns: 1000 },
  )
})
