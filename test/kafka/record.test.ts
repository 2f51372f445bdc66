import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, CloudEvent as SdkEvent } from 'cloudevents'
import { type ContentMode, type EventRecord, eventRecord } from '../../src/kafka/record.ts'
import { someEvent } from './events.ts'

test('the structured record is the event as JSON with its media type', () => {
  const event = someEvent('cart', 0)
  const { key, value, headers } = eventRecord(event, 'structured')
  assert.equal(key.toString(), 'mesh/shop/Deployment/cart')
  assert.deepEqual(texts(headers), {
    'content-type': 'application/cloudevents+json; charset=UTF-8',
  })
  const { data, ...attributes } = event
  assert.deepEqual(JSON.parse(value.toString()), {
    specversion: '1.0',
    ...attributes,
    data: JSON.parse(data),
  })
})

test('the binary record is data alone, with every attribute in a header', () => {
  const event = someEvent('cart', 0)
  const { key, value, headers } = eventRecord(event, 'binary')
  assert.equal(key.toString(), 'mesh/shop/Deployment/cart')
  assert.equal(value.toString(), event.data)
  assert.deepEqual(texts(headers), {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: '/snimeter/snimeter',
    ce_type: 'io.snimeter.usage.v1',
    ce_subject: 'mesh/shop/Deployment/cart',
    ce_time: '2026-01-01T00:00:00Z',
    ce_dataschema: 'urn:snimeter:schema:usage:v1',
    ce_partitionkey: 'mesh/shop/Deployment/cart',
  })
})

test("CloudEvents' own SDK reads the same event from both modes", () => {
  const event = someEvent('b\u00fccher/\u4e00', 7, 'xn--bcher-kva.example')
  const structured = read(eventRecord(event, 'structured'))
  assert.deepEqual(structured, read(eventRecord(event, 'binary')))
  assert.equal(structured['id'], event.id)
  assert.equal(structured['partitionkey'], event.partitionkey)
  assert.deepEqual(structured['data'], JSON.parse(event.data))
})

for (const mode of ['structured', 'binary'] satisfies ContentMode[]) {
  test(`the same event gives the same ${mode} bytes`, () => {
    assert.deepEqual(
      eventRecord(someEvent('cart', 1), mode),
      eventRecord({ ...someEvent('cart', 1) }, mode),
    )
  })
}

function read({ key, value, headers }: EventRecord): Record<string, unknown> {
  const text = value.toString()
  const message = { key: key.toString(), value: text, headers: texts(headers), body: text }
  const event = Kafka.toEvent(message)
  assert.ok(event instanceof SdkEvent)
  return event.toJSON()
}

function texts(headers: ReadonlyMap<Buffer, Buffer>): Record<string, string> {
  return Object.fromEntries([...headers].map(([name, text]) => [name.toString(), text.toString()]))
}
