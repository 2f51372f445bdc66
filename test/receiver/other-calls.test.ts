import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { Client, credentials, status } from '@grpc/grpc-js'
import { AccessLogClient } from '../helpers/access-log-client.ts'
import { startReceiver } from './receiver-fixture.ts'

const V2 = '/envoy.service.accesslog.v2.AccessLogService/StreamAccessLogs'

/** Calls a path; gives the status. */
function call(address: string, path: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure())
  const asIs = (bytes: Buffer): Buffer => bytes
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, Buffer.from('x'), (error) => {
      client.close()
      resolve(error?.code ?? 0)
    })
  })
}

test('calls for other services are counted by path and status, and logged once', async () => {
  await using fixture = await startReceiver()
  for (let i = 0; i < 3; i++) {
    assert.equal(await call(fixture.address, V2), status.UNIMPLEMENTED)
  }
  for (let i = 0; i < 50; i++) await call(fixture.address, `/made.up.Service${i}/Method`)
  using client = new AccessLogClient(fixture.address)
  const stream = client.open()
  await stream.send(Buffer.from('x'))
  assert.equal((await stream.end()).code, status.OK)

  const calls = fixture.receiver.otherCalls()
  assert.deepEqual(
    calls.map(({ path, status: answer, calls: count }) => [path, answer, count]),
    [
      [V2, 'UNIMPLEMENTED', 3],
      ['other', 'UNIMPLEMENTED', 50],
    ],
  )
  assert.equal(calls[1]?.calledPath, '/made.up.Service49/Method')
  assert.match(calls[0]?.sender ?? '', /^127\.0\.0\.1:\d+$/)
  const lines = fixture.logger.lines.filter(({ message }) => message.includes('not served'))
  assert.equal(lines.length, 1, 'a flood of wrong calls is one line')
})

test('a request that is not gRPC is counted apart, also on the path of the access log', async () => {
  await using fixture = await startReceiver()
  const session = connect(`http://${fixture.address}`)
  const get = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = session.request({ ':path': path })
      request.once('response', (headers) => resolve(Number(headers[':status'])))
      request.once('error', reject)
      request.resume().end()
    })
  assert.equal(await get('/metrics'), 415)
  assert.equal(await get('/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'), 415)
  session.destroy()
  assert.deepEqual(
    fixture.receiver.otherCalls().map(({ path, status: answer }) => `${answer} ${path}`),
    ['not_grpc other', 'not_grpc /envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'],
  )
})
