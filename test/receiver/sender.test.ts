import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentials } from '@grpc/grpc-js'
import { senderOf } from '../../src/receiver/sender.ts'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { writeFiles } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

test('a sender is known by its IPv4 address, without the port', () => {
  assert.deepEqual(senderOf({ address: '10.1.2.3:40112' }), {
    address: '10.1.2.3:40112',
    key: '10.1.2.3',
  })
  assert.equal(senderOf({ address: '::ffff:10.1.2.3:40112' }).key, '10.1.2.3')
  assert.equal(senderOf({ address: '[::ffff:10.1.2.3]:40112' }).key, '10.1.2.3')
})

test('a sender is known by the /64 network of its IPv6 address', () => {
  const key = '2001:db8:0:1::/64'
  assert.equal(senderOf({ address: '[2001:db8:0:1::5]:40112' }).key, key)
  assert.equal(senderOf({ address: '[2001:db8:0:1:9:8:7:6]:1' }).key, key)
  assert.equal(senderOf({ address: '[2001:DB8::1:0:0:0:5]:1' }).key, key)
  assert.equal(senderOf({ address: '[fe80::1%eth0]:1' }).key, 'fe80:0:0:0::/64')
  assert.equal(senderOf({ address: '[::1]:9001' }).key, '0:0:0:0::/64')
})

test('what is no address is known by its text', () => {
  assert.equal(senderOf({ address: 'unknown' }).key, 'unknown')
})

const keyOf = (address: string, ...forwarded: string[]): string =>
  senderOf({ address, forwarded }).key

test('behind our own sidecar the last forwarded certificate counts, as the sidecar appends it', () => {
  const own = 'By=spiffe://td/ns/m/sa/snimeter;Hash=ab;Subject="";URI=spiffe://td/ns/shop/sa/cart'
  for (const address of [
    '127.0.0.6:1',
    '127.0.0.1:1',
    '[::1]:1',
    '[::6]:1',
    '::ffff:127.0.0.6:1',
  ]) {
    assert.equal(keyOf(address, own), 'spiffe://td/ns/shop/sa/cart')
  }
  const forged = 'Hash=cd;URI=spiffe://td/ns/bank/sa/victim'
  assert.equal(keyOf('127.0.0.6:1', `${forged},${own}`), 'spiffe://td/ns/shop/sa/cart')
  assert.equal(keyOf('127.0.0.6:1', forged, own), 'spiffe://td/ns/shop/sa/cart')
  // A subject can hold every separator; the proxy quotes it.
  const subject = 'Hash=ab;Subject="CN=a\\",URI=spiffe://td/x;,";URI=spiffe://td/ns/shop/sa/cart'
  assert.equal(keyOf('127.0.0.6:1', subject), 'spiffe://td/ns/shop/sa/cart')
})

test('a forwarded certificate counts from nobody else, and not without one SPIFFE id', () => {
  const uri = 'URI=spiffe://td/ns/shop/sa/cart'
  assert.equal(keyOf('10.1.2.3:1', uri), '10.1.2.3')
  assert.equal(keyOf('[2001:db8::1]:1', uri), '2001:db8:0:0::/64')
  for (const unusable of [
    '',
    'Hash=ab',
    'URI=',
    'URI=https://x',
    `URI=spiffe://td/${'x'.repeat(2048)}`,
    `${uri};URI=spiffe://td/other`,
    `${uri},Hash=ab`,
  ]) {
    assert.equal(keyOf('127.0.0.6:1', unusable), '127.0.0.6', unusable)
  }
})

test('a certificate without one SPIFFE id is known by its fingerprint', () => {
  const keyWith = (subjectaltname?: string): string =>
    senderOf({
      address: '10.1.2.3:1',
      certificate: { fingerprint256: 'AB:CD', ...(subjectaltname && { subjectaltname }) },
    }).key
  assert.equal(keyWith('DNS:a, URI:spiffe://td/ns/a/sa/b'), 'spiffe://td/ns/a/sa/b')
  assert.equal(
    keyWith('URI:"spiffe://td/a\\u002c URI:spiffe://td/b"'),
    'spiffe://td/a, URI:spiffe://td/b',
  )
  for (const names of [
    undefined,
    'DNS:URI',
    'URI:spiffe://td/a, URI:spiffe://td/b',
    'URI:https://a',
  ]) {
    assert.equal(keyWith(names), 'sha256:AB:CD', names)
  }
})

test('with mTLS the key of a stream is the identity of its certificate, whatever a header says', async (t) => {
  const ca = makeCertificate({ commonName: 'ca', isAuthority: true })
  const server = makeCertificate({ commonName: 's', issuer: ca, dns: ['localhost'] })
  const client = makeCertificate({
    commonName: 'c',
    issuer: ca,
    uris: ['spiffe://td/ns/shop/sa/cart'],
  })
  const texts = { cert: server.cert, key: server.key, ca: ca.cert }
  const [certFile = '', keyFile = '', clientCaFile = ''] = writeFiles(t, texts)
  await using fixture = await startReceiver({ tls: { certFile, keyFile, clientCaFile } })
  using sender = new AccessLogClient(fixture.address.replace('127.0.0.1', 'localhost'), {
    credentials: credentials.createSsl(
      Buffer.from(ca.cert),
      Buffer.from(client.key),
      Buffer.from(client.cert),
    ),
    metadata: { 'x-forwarded-client-cert': 'URI=spiffe://td/ns/bank/sa/victim' },
  })
  const stream = sender.open()
  await stream.send(Buffer.from('x'))
  await until('it is received', () => fixture.streams[0]?.messages.length === 1)
  assert.equal(fixture.keys[0], 'spiffe://td/ns/shop/sa/cart')
  stream.cancel()
})
