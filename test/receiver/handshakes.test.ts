import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { credentials, status } from '@grpc/grpc-js'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { writeFiles } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

const TIMEOUT_MS = 400

test('with TLS a connection that stops before or inside of the handshake is closed, others stay', async (t) => {
  const ca = makeCertificate({ commonName: 'ca', isAuthority: true })
  const server = makeCertificate({ commonName: 's', issuer: ca, dns: ['localhost'] })
  const [certFile = '', keyFile = ''] = writeFiles(t, { cert: server.cert, key: server.key })
  await using fixture = await startReceiver({
    listen: 'localhost:0',
    messageTimeoutMs: TIMEOUT_MS,
    tls: { certFile, keyFile, clientCaFile: '' },
  })
  using client = new AccessLogClient(fixture.address, {
    credentials: credentials.createSsl(Buffer.from(ca.cert)),
  })
  const quiet = client.open()
  await quiet.send(Buffer.from('before'))
  await until('it is received', () => fixture.streams[0]?.messages.length === 1)

  const { host, port } = fixture.receiver.address()
  const sockets = [Buffer.alloc(0), Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])].map((bytes) => {
    const socket = connect({ host, port })
    socket.on('error', () => undefined).resume()
    socket.write(bytes)
    return once(socket, 'close')
  })
  await Promise.all(sockets)
  assert.equal(await fixture.metric('snimeter_receiver_silent_connections_total'), 2)
  await delay(2 * TIMEOUT_MS)
  await quiet.send(Buffer.from('after'))
  assert.equal((await quiet.end()).code, status.OK)
  assert.deepEqual(fixture.streams[0]?.messages, ['before', 'after'])
})
