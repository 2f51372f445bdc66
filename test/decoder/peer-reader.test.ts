import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DecodeStream } from '../../src/decoder/message-decoder.ts'
import { NO_TEXT } from '../../src/model/sample.ts'
import {
  delimitedField,
  identityFilterState,
  mapEntry,
  peerFilterState,
  tcpEntry,
  tcpMessage,
  textField,
} from '../helpers/entry-writer.ts'
import { CURRENT, DecoderFixture } from './decoded-samples.ts'

const WAYPOINT = { ...CURRENT, reportsPeers: true }
const PRINCIPAL = 'spiffe://cluster.local/ns/shop/sa/checkout'
const PEER = {
  workload: 'checkout',
  namespace: 'shop',
  type: 'deployment',
  cluster: 'c1',
  name: 'checkout-5d8f-abc',
}

/** The peer text of an entry with these encoded fields, NUL shown as `|`. */
function peerOf(
  extra: readonly Uint8Array[],
  stream: DecodeStream = WAYPOINT,
  tls?: Uint8Array,
): string {
  const fixture = new DecoderFixture()
  const entry = tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000001',
    type: 3,
    upload: 5,
    sni: 'a.example',
    ...(tls === undefined ? {} : { tls: [tls] }),
    extra,
  })
  const { samples, rejected } = fixture.decode(tcpMessage([entry]), stream)
  assert.deepEqual(rejected, {})
  assert.equal(samples[0]?.wireUpload, 5)
  assert.equal(samples[0]?.sni, 'a.example')
  return fixture.texts.text(fixture.batch.peer[0] ?? NO_TEXT).replaceAll('\0', '|')
}

/** CertificateProperties with URIs as subject_alt_name. */
function certificate(...uris: string[]): Buffer {
  return delimitedField(5, ...uris.map((uri) => delimitedField(1, textField(1, uri))))
}

describe('a peer', () => {
  it('is the principal of the tunnel', () => {
    assert.equal(peerOf([identityFilterState(PRINCIPAL)]), `${PRINCIPAL}|||||`)
  })

  it('is the workload that Istio found, whatever the order of its keys', () => {
    const reversed = Object.fromEntries(Object.entries(PEER).toReversed())
    const expected = '|c1|shop|deployment|checkout|checkout-5d8f-abc'
    assert.equal(peerOf([peerFilterState(PEER)]), expected)
    assert.equal(peerOf([peerFilterState({ ...reversed, region: 'cn' })]), expected)
  })

  it('is both where both are told', () => {
    const told = [peerFilterState(PEER), identityFilterState(PRINCIPAL)]
    assert.equal(peerOf(told), `${PRINCIPAL}|c1|shop|deployment|checkout|checkout-5d8f-abc`)
  })

  it('is the SPIFFE name of the certificate, where no tunnel told one', () => {
    const tls = certificate('https://example.com', PRINCIPAL)
    assert.equal(peerOf([], WAYPOINT, tls), `${PRINCIPAL}|||||`)
    const other = 'spiffe://cluster.local/ns/a/sa/b'
    assert.equal(peerOf([identityFilterState(other)], WAYPOINT, tls), `${other}|||||`)
  })

  it('is nobody where nothing is told, or something else', () => {
    assert.equal(peerOf([]), '')
    assert.equal(peerOf([mapEntry(21, 'upstream_peer', delimitedField(2, Buffer.from('x')))]), '')
    assert.equal(peerOf([], WAYPOINT, certificate('https://example.com')), '')
  })

  it('is left out where it cannot be read, and the entry counts all the same', () => {
    const broken = mapEntry(21, 'downstream_peer', delimitedField(2, Buffer.from([10, 200])))
    assert.equal(peerOf([broken]), '')
    assert.equal(peerOf([identityFilterState('x'.repeat(513))]), '')
    assert.equal(peerOf([identityFilterState('spiffe://a\0b')]), '')
  })

  it('is not read on streams of sidecars', () => {
    assert.equal(peerOf([identityFilterState(PRINCIPAL)], CURRENT), '')
  })
})

it('reading peers changes nothing else, whatever the bytes', () => {
  const entry = tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000001',
    type: 3,
    upload: 5,
    sni: 'a.example',
    tls: [certificate(PRINCIPAL)],
    extra: [identityFilterState(PRINCIPAL), peerFilterState(PEER)],
  })
  const message = tcpMessage([entry, entry])
  const damage = fc.array(fc.record({ at: fc.nat(message.length - 1), byte: fc.nat(255) }), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(damage, fc.nat(message.length), (changes, cut) => {
      const bytes = Buffer.from(message.subarray(0, message.length - (cut % 3 === 0 ? cut : 0)))
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte
      const told = new DecoderFixture().decode(bytes, WAYPOINT)
      assert.deepEqual(told, new DecoderFixture().decode(bytes, CURRENT))
    }),
    { numRuns: 3000 },
  )
})
