import assert from 'node:assert/strict'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { BareSender, framed, statusOf } from '../helpers/bare-sender.ts'
import { until } from '../helpers/until.ts'
import { startReceiver } from './receiver-fixture.ts'

test('one sender gets eight ninths of the calls, on however many connections; others get in', async (t) => {
  await using fixture = await startReceiver({ maxStreams: 90 })
  const port = Number(fixture.address.split(':').at(-1))
  const senders: BareSender[] = []
  t.after(() => {
    for (const sender of senders) sender.close()
  })
  const sender = (address: string): BareSender => {
    const made = new BareSender({ port, address })
    senders.push(made)
    return made
  }
  const greedy = [sender('127.0.0.2'), sender('127.0.0.2')]
  const calls = greedy.flatMap((one) => Array.from({ length: 60 }, () => one.call()))
  const refused: (number | undefined)[] = []
  for (const call of calls) void statusOf(call).then((code) => refused.push(code))
  await until('the rest is refused', () => refused.length === 40)
  assert.ok(refused.every((code) => code === status.RESOURCE_EXHAUSTED))
  assert.equal(fixture.receiver.streams, 80)
  assert.equal(await fixture.metric('snimeter_receiver_streams_refused_total'), 40)

  const other = sender('127.0.0.3').call()
  other.end(framed(Buffer.from('hello')))
  assert.equal(await statusOf(other), status.OK)

  // Behind our own sidecar everybody has one address: the identity that it forwards counts.
  const mesh = sender('127.0.0.1')
  const of = (name: string) =>
    mesh.call({ 'x-forwarded-client-cert': `Hash=ab;URI=spiffe://td/ns/x/sa/${name}` })
  const flood = Array.from({ length: 20 }, () => statusOf(of('flood')))
  const honest = of('honest')
  honest.end(framed(Buffer.from('hello')))
  assert.equal(await statusOf(honest), status.OK)
  for (const one of greedy) one.close()
  await until('they are gone', () => fixture.receiver.streams <= 20)
  assert.equal(flood.length, 20)
})
