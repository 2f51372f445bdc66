import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { service } from 'grpc-health-check'
import { startReceiver } from './receiver-fixture.ts'

const { Check } = service as Record<string, (typeof service)[string]>

/** Asks the gRPC health service. */
function check(client: Client, name: string): Promise<string> {
  if (Check === undefined) throw new Error('no Check in the health service')
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      Check.path,
      Check.requestSerialize,
      Check.responseDeserialize as (bytes: Buffer) => { status: string },
      { service: name },
      (error: ServiceError | null, answer?: { status: string }) => {
        if (error === null) resolve(answer?.status ?? '')
        else reject(error)
      },
    )
  })
}

test('the gRPC health service says what health says, also while memory is short and at the end', async () => {
  await using fixture = await startReceiver()
  const client = new Client(fixture.address, credentials.createInsecure())
  const names = ['', 'envoy.service.accesslog.v3.AccessLogService']
  for (const [state, told] of [
    ['ready', 'SERVING'],
    ['memory', 'NOT_SERVING'],
    ['ready', 'SERVING'],
    ['stopping', 'NOT_SERVING'],
  ] as const) {
    fixture.health.set(state)
    for (const name of names) assert.equal(await check(client, name), told)
  }
  await assert.rejects(check(client, 'other.Service'), { code: 5 })
  client.close()
})
