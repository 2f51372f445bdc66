import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { credentials, status } from '@grpc/grpc-js'
import { Crowding } from '../../src/model/crowding.ts'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

const TRANSPORTS = {
  'plain text': {
    tls: { certFile: '', keyFile: '', clientCaFile: '' },
    by: credentials.createInsecure(),
  },
  TLS: {
    tls: { certFile: file('server.pem'), keyFile: file('server.key'), clientCaFile: '' },
    by: credentials.createSsl(readFileSync(file('ca.pem'))),
  },
}

for (const [name, { tls, by }] of Object.entries(TRANSPORTS)) {
  // It depends on where Node keeps the handle of a socket below HTTP/2.
  test(`over ${name} a sender that is held is not read until it is released; nothing is lost`, async () => {
    await using fixture = await startReceiver({ tls })
    using held = new AccessLogClient(fixture.address, { credentials: by })
    using other = new AccessLogClient(fixture.address, { credentials: by })
    const [first, second] = [held.open(), other.open()]
    const received = (): string[] => fixture.streams.flatMap(({ messages }) => messages)
    fixture.crowding = Crowding.sender
    await first.send(Buffer.from('a1'))
    await until('the message', () => received().length === 1)
    fixture.crowding = Crowding.none
    await first.send(Buffer.from('a2'))
    await second.send(Buffer.from('b1'))
    await until('the other one is read', () => received().includes('b1'))
    // As long as a few turns of the loop: what is not held arrives in one.
    await sleep(50)
    assert.deepEqual(received().toSorted(), ['a1', 'b1'])

    fixture.crowding = Crowding.all
    fixture.receiver.release()
    await until('the held one is read again', () => received().includes('a2'))
    fixture.crowding = Crowding.none
    await second.send(Buffer.from('b2'))
    await sleep(50)
    assert.ok(!received().includes('b2'))
    fixture.receiver.release()
    await until('all are read again', () => received().includes('b2'))
    assert.equal((await first.end()).code, status.OK)
    assert.equal((await second.end()).code, status.OK)
    assert.equal(await fixture.metric('snimeter_receiver_holds_total'), 2)
  })
}
