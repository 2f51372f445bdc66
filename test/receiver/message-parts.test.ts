import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageDecoder } from '../../src/decoder/message-decoder.ts'
import { TextInterner } from '../../src/decoder/text-interner.ts'
import { REJECT_REASONS } from '../../src/model/reject-reason.ts'
import { SampleBatch } from '../../src/model/sample.ts'
import {
  FRAME_HEADER_BYTES,
  MAX_FIELD_BYTES,
  MessageParts,
} from '../../src/receiver/message-parts.ts'
import { delimitedField, EntryType, tcpEntry, tcpMessage, varint } from '../helpers/entry-writer.ts'

/** What the decoder makes of messages: samples and refusals, and the identifiers that it finds. */
function decoded(messages: readonly Uint8Array[]) {
  const interner = new TextInterner()
  const decoder = new MessageDecoder(interner)
  const samples: unknown[] = []
  const identifiers: string[] = []
  const rejected: Record<string, number> = {}
  for (const message of messages) {
    const batch = new SampleBatch()
    const take = (): void => {
      for (let i = 0; i < batch.count; i++) {
        samples.push([
          batch.identity.slice(i * 4, i * 4 + 4).join(),
          batch.wireUpload[i],
          interner.text(batch.sni[i] as number),
        ])
      }
      batch.reset()
    }
    decoder.scan(message)
    if (decoder.identifierStart >= 0) {
      const { identifierStart: start, identifierEnd: end } = decoder
      identifiers.push(Buffer.from(message.subarray(start, end)).toString('latin1'))
    }
    decoder.decode(message, { scope: new Uint8Array(16), envoyMinor: 1040 }, batch, take)
    take()
    decoder.rejected.forEach((count, reason) => {
      const name = REJECT_REASONS[reason] as string
      if (count > 0) rejected[name] = (rejected[name] ?? 0) + count
    })
  }
  return { samples, rejected, identifiers }
}

/** The parts of a message that arrives in packets of these sizes. */
function partsOf(message: Buffer, sizes: readonly number[], partBytes?: number): Buffer[] {
  const parts: Buffer[] = []
  const cutter = new MessageParts(message.length, partBytes)
  for (let at = 0, i = 0; at < message.length; i++) {
    const end = at + (sizes[i % sizes.length] as number)
    cutter.write(message.subarray(at, end), parts)
    at = end
  }
  assert.equal(cutter.left, 0)
  return parts.map((framed) => {
    assert.equal(framed[0], 0)
    assert.equal(framed.readUInt32BE(1), framed.length - FRAME_HEADER_BYTES)
    return framed.subarray(FRAME_HEADER_BYTES)
  })
}

const entry = (n: number): Buffer =>
  tcpEntry({
    streamId: `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`,
    type: EntryType.tcpConnectionEnd,
    sni: `host-${n}.example`,
    upload: n,
  })

const someField = fc.oneof(
  fc.nat(999).map((n) => delimitedField(1, entry(n))),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => delimitedField(1, bytes)),
  fc.constantFrom(
    Buffer.from([0x18, 0x05]),
    Buffer.from([0x21, 1, 2, 3, 4, 5, 6, 7, 8]),
    Buffer.from([0x2d, 1, 2, 3, 4]),
    // A group in a group.
    Buffer.from([0x4b, 0x08, 1, 0x53, 0x54, 0x4c]),
    // A tag that is longer than it must be.
    Buffer.concat([Buffer.from([0x8a, 0x00]), varint(2), Buffer.from([0x10, 0x01])]),
  ),
  fc.uint8Array({ minLength: 100, maxLength: 3000 }).map((bytes) => delimitedField(9, bytes)),
)
const list = fc
  .array(someField, { maxLength: 60 })
  .chain((fields) => fc.constantFrom(delimitedField(2, ...fields), delimitedField(3, ...fields)))
const message = fc
  .tuple(
    fc.uint8Array({ maxLength: 50 }).map((bytes) => delimitedField(1, bytes)),
    fc.array(
      fc.oneof(
        list,
        someField.filter(([tag]) => tag !== 10 && tag !== 0x8a),
      ),
      { maxLength: 6 },
    ),
  )
  .map(([identifier, fields]) => Buffer.concat([identifier, ...fields]))
  .filter((bytes) => bytes.length > 0)
const packets = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 })

test('parts say what the message says, however it arrives', () => {
  fc.assert(
    fc.property(message, packets, fc.integer({ min: 1, max: 5000 }), (bytes, sizes, part) => {
      assert.deepEqual(decoded(partsOf(bytes, sizes, part)), decoded([bytes]))
    }),
    { numRuns: 300 },
  )
})

test('of a damaged message the parts give what the decoder gives of the whole', () => {
  fc.assert(
    fc.property(
      message,
      packets,
      fc.nat(),
      fc.nat(255),
      fc.boolean(),
      (bytes, sizes, at, byte, cut) => {
        const where = at % bytes.length
        const damaged = cut ? bytes.subarray(0, where + 1) : Buffer.from(bytes)
        if (!cut) damaged[where] = byte
        const whole = decoded([damaged])
        const parts = decoded(partsOf(damaged, sizes, 1 + (at % 999)))
        assert.deepEqual(parts.samples, whole.samples)
        assert.deepEqual(parts.rejected, whole.rejected)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a backlog of any size holds no more than a part of it', () => {
  const entries = Array.from({ length: 100_000 }, (_, n) => entry(n))
  const backlog = tcpMessage(entries, delimitedField(1, Buffer.from('who')))
  const parts: Buffer[] = []
  const cutter = new MessageParts(backlog.length)
  let held = 0
  for (let at = 0; at < backlog.length; at += 16_384) {
    cutter.write(backlog.subarray(at, at + 16_384), parts)
    held = Math.max(held, cutter.held)
  }
  assert.ok(held <= 64 * 1024)
  assert.ok(parts.every(({ length }) => length < 66_000))
  const { samples, rejected } = decoded(parts.map((framed) => framed.subarray(FRAME_HEADER_BYTES)))
  assert.equal(samples.length, 100_000)
  assert.deepEqual(rejected, {})
})

test('an entry or an identifier that is too large is not held, and its neighbours count', () => {
  const large = Buffer.alloc(MAX_FIELD_BYTES + 1, 0x0a)
  const bytes = Buffer.concat([
    delimitedField(1, large),
    delimitedField(
      3,
      delimitedField(1, entry(1)),
      delimitedField(1, large),
      delimitedField(1, entry(2)),
    ),
    delimitedField(2, delimitedField(1, large)),
    delimitedField(7, large),
    delimitedField(3, delimitedField(1, entry(3))),
  ])
  for (const size of [1000, 16_384, bytes.length]) {
    const { samples, rejected, identifiers } = decoded(partsOf(bytes, [size]))
    assert.deepEqual(
      samples.map((sample) => (sample as unknown[])[1]),
      [1, 2, 3],
    )
    assert.deepEqual(rejected, { malformed_entry: 2 })
    assert.deepEqual(identifiers, ['\0'])
  }
})

test('an entry that is as large as may be is whole', () => {
  const padding = delimitedField(100, Buffer.alloc(MAX_FIELD_BYTES - 300))
  const bytes = delimitedField(3, delimitedField(1, entry(1), padding), delimitedField(1, entry(2)))
  assert.equal(decoded(partsOf(bytes, [16_384])).samples.length, 2)
})
