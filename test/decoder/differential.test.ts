import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { anyMessage } from './any-message.ts'
import { CURRENT, captureMessages, type Decoded, DecoderFixture, OLD } from './decoded-samples.ts'
import { decodeWithSchema, encodeWithSchema } from './envoy-schema.ts'
import { type Expected, expectedSamples } from './expected-samples.ts'

const CAPTURES = ['1.40.0', '1.36.2'].flatMap((release) =>
  readdirSync(new URL(`../fixtures/captures/${release}`, import.meta.url))
    .filter((file) => file.endsWith('.alscap'))
    .map((file) => `${release}/${file.slice(0, -'.alscap'.length)}`),
)

describe('the decoder against the full Envoy schema', () => {
  for (const capture of CAPTURES) {
    it(`reads every entry of ${capture} as the schema does`, () => {
      const fixture = new DecoderFixture()
      const identities = new Identities()
      let samples = 0
      for (const bytes of captureMessages(capture)) {
        const decoded = fixture.decode(bytes)
        const message = decodeWithSchema(bytes)
        assertEqual(decoded, expectedSamples(message, CURRENT.envoyMinor), identities)
        assert.equal(decoded.identifier[0] >= 0, message.identifier !== undefined)
        samples += decoded.samples.length
      }
      assert.ok(samples > 0)
    })
  }

  it('reads any entries as the schema does', () => {
    const fixture = new DecoderFixture()
    const identities = new Identities()
    fc.assert(
      fc.property(anyMessage, fc.constantFrom(CURRENT, OLD), (message, stream) => {
        const bytes = encodeWithSchema(message)
        const expected = expectedSamples(decodeWithSchema(bytes), stream.envoyMinor)
        assertEqual(fixture.decode(bytes, stream), expected, identities)
      }),
      { numRuns: 300 },
    )
  })

  it('never throws on damaged messages, and agrees wherever both find them whole', () => {
    const fixture = new DecoderFixture()
    const identities = new Identities()
    let agreed = 0
    // A fixed seed: where the schema's reader is laxer (a varint cut to 32 bits) flips could differ.
    const damage = fc.tuple(fc.nat(7), fc.double({ min: 0, max: 0.999, noNaN: true }))
    fc.assert(
      fc.property(
        anyMessage,
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
        (message, flips, cut) => {
          const bytes = Uint8Array.from(encodeWithSchema(message))
          for (const [bit, where] of flips) {
            const at = Math.floor(where * bytes.length)
            if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << bit)
          }
          const damaged = cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length))
          const decoded = fixture.decode(damaged)
          const refused = sum(decoded.rejected)
          assert.equal(decoded.entries, decoded.samples.length + refused)
          if (decoded.rejected['malformed_entry'] || decoded.rejected['malformed_message']) return
          if (holdsBothLists(damaged)) return
          const reference = decodeOrUndefined(damaged)
          if (reference === undefined) return
          assertEqual(decoded, expectedSamples(reference, CURRENT.envoyMinor), identities)
          agreed++
        },
      ),
      { numRuns: 3000, seed: 20_261_124 },
    )
    assert.ok(agreed > 300, `only ${agreed} damaged messages were comparable`)
  })

  it('never throws on random bytes', () => {
    const fixture = new DecoderFixture()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = fixture.decode(bytes)
        assert.equal(decoded.entries, decoded.samples.length + sum(decoded.rejected))
      }),
      { numRuns: 2000 },
    )
  })
})

/** Holds expected identities (texts) against decoded ones (hashes): equal when, and only when, equal. */
class Identities {
  readonly #hashes = new Map<string, string>()
  readonly #texts = new Map<string, string>()

  check(text: string, decoded: string): void {
    if (text.startsWith('uuid ')) {
      assert.equal(decoded, text)
      return
    }
    assert.match(decoded, /^hash [0-9a-f]{32}$/)
    assert.equal(this.#hashes.get(text) ?? decoded, decoded)
    assert.equal(this.#texts.get(decoded) ?? text, text)
    this.#hashes.set(text, decoded)
    this.#texts.set(decoded, text)
  }
}

function assertEqual(decoded: Decoded, expected: Expected, identities: Identities): void {
  assert.deepEqual(decoded.rejected, expected.rejected)
  assert.equal(decoded.samples.length, expected.samples.length)
  expected.samples.forEach((sample, i) => {
    const mine = decoded.samples[i]
    assert.ok(mine)
    identities.check(sample.identity, mine.identity)
    assert.deepEqual({ ...mine, identity: '' }, { ...sample, identity: '' })
  })
}

/** A damaged tag can make a message hold both lists; the decoder reads both, the schema the last. */
function holdsBothLists(bytes: Uint8Array): boolean {
  const reader = protobuf.Reader.create(bytes)
  const seen = new Set<number>()
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    seen.add(tag >>> 3)
    reader.skipType(tag & 7)
  }
  return seen.has(2) && seen.has(3)
}

function decodeOrUndefined(bytes: Uint8Array) {
  try {
    return decodeWithSchema(bytes)
  } catch {
    return undefined
  }
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
