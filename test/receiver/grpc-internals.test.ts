import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { startReceiver } from './receiver-fixture.ts'

test('the private fields of the pinned grpc-js are where we look for them', async () => {
  await using fixture = await startReceiver()
  assert.deepEqual(fixture.logger.lines, [], 'no warning at start')
})

test('senders see the larger windows: of a stream in the settings, of the connection in an update', async () => {
  await using fixture = await startReceiver()
  const session = connect(`http://${fixture.address}`)
  const [settings] = (await once(session, 'remoteSettings')) as [{ initialWindowSize: number }]
  assert.equal(settings.initialWindowSize, 1024 * 1024)
  session.ping(() => undefined)
  await new Promise((resolve) => session.ping(resolve))
  assert.equal(session.state.remoteWindowSize, 4 * 1024 * 1024)
  session.destroy()
})
