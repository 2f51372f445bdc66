import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { credentials, status } from '@grpc/grpc-js'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { startReceiver } from './receiver-fixture.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const pem = (name: string): Buffer => readFileSync(file(name))

const TLS = { certFile: file('server.pem'), keyFile: file('server.key'), clientCaFile: '' }
const MUTUAL = { ...TLS, clientCaFile: file('ca.pem') }

/** Sends one message; gives the status that the stream ended with. */
async function send(address: string, by: ReturnType<typeof credentials.createSsl>) {
  using client = new AccessLogClient(address, { credentials: by })
  const stream = client.open()
  await stream.send(Buffer.from('x')).catch(() => undefined)
  return (await stream.end()).code
}

test('with certificate and key it speaks TLS', async () => {
  await using fixture = await startReceiver({ tls: TLS })
  assert.equal(await send(fixture.address, credentials.createSsl(pem('ca.pem'))), status.OK)
  assert.deepEqual(fixture.streams[0]?.messages, ['x'])
  assert.equal(await send(fixture.address, credentials.createInsecure()), status.UNAVAILABLE)
})

test('with a client CA it takes only senders that have a certificate of it', async () => {
  await using fixture = await startReceiver({ tls: MUTUAL })
  const anonymous = credentials.createSsl(pem('ca.pem'))
  const known = credentials.createSsl(pem('ca.pem'), pem('client.key'), pem('client.pem'))
  assert.equal(await send(fixture.address, anonymous), status.UNAVAILABLE)
  assert.equal(await send(fixture.address, known), status.OK)
  assert.equal(fixture.streams.length, 1)
})

test('files that are missing or do not fit are refused at start, by the name of their key', async () => {
  await assert.rejects(startReceiver({ tls: { ...TLS, keyFile: file('none.key') } }), {
    code: 'bad_tls_files',
    message: /^cannot read als\.tls\.key_file: ENOENT/,
  })
  await assert.rejects(startReceiver({ tls: { ...TLS, keyFile: file('client.key') } }), {
    code: 'bad_tls_files',
    message: /^the files of als\.tls do not work: .*key values mismatch/,
  })
})
