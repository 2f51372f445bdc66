import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { eventRecord } from '../../src/kafka/record.ts'
import type { HourMark } from '../../src/model/hour-mark.ts'
import { hourEvent } from '../../src/outbox/hour-event.ts'
import { structuredEvent } from '../../src/runtime/structured-event.ts'
import { incompatibilities, type ObjectSchema } from '../helpers/schema-compatibility.ts'

const PROJECT = new URL('../../', import.meta.url)
const GOLDEN = new URL('test/fixtures/hours/', PROJECT)
/** Writes files of new cases; one that is there is never written again. */
const WRITE = process.env['SNIMETER_WRITE_EVENTS'] === '1'
const schemaIn = (path: string) =>
  JSON.parse(readFileSync(new URL(path, PROJECT), 'utf8')) as ObjectSchema
const DATA = schemaIn('schemas/hour-closed.v1.schema.json')
const EVENT = schemaIn('schemas/hour-closed-event.v1.schema.json')
const ajv = new Ajv2020({ allErrors: true, validateFormats: false, allowUnionTypes: true })
ajv.addSchema(DATA)
const isEvent = ajv.compile(EVENT)

const FIRST: HourMark = {
  ledgerId: '6f1c2b1e-0c55-4c5b-9d0a-7b1d5f0c9a11',
  instance: 'snimeter',
  sink: 'kafka',
  hourStartMs: Date.UTC(2026, 10, 24, 18),
  revision: 1,
  rows: 1234n,
  total: {
    uploadBytes: 1500n,
    downloadBytes: 9_223_372_036_854_775_807n,
    estimatedBytes: 400n,
    connectionsOpened: 3n,
    connectionsClosed: 2n,
  },
}
const NONE = {
  uploadBytes: 0n,
  downloadBytes: 0n,
  estimatedBytes: 0n,
  connectionsOpened: 0n,
  connectionsClosed: 0n,
}
const CASES: Readonly<Record<string, HourMark>> = {
  'first-revision': FIRST,
  'late-change': { ...FIRST, revision: 2, rows: 1235n },
  'without-usage': { ...FIRST, rows: 0n, total: NONE },
  'another-sink': { ...FIRST, sink: 'files', instance: 'eu-1' },
}

function golden(file: string, text: string): string {
  const url = new URL(file, GOLDEN)
  if (WRITE && !readdirSync(GOLDEN).includes(file)) writeFileSync(url, text)
  return readFileSync(url, 'utf8')
}

for (const [name, mark] of Object.entries(CASES)) {
  test(`the mark of ${name} is, byte for byte, what it was when it was released`, () => {
    const event = hourEvent(mark)
    const line = `${structuredEvent(event)}\n`
    assert.equal(line, golden(`${name}.structured.json`, line))
    assert.ok(isEvent(JSON.parse(line)), ajv.errorsText(isEvent.errors))
    const { key, value } = eventRecord(event, 'binary')
    assert.deepEqual([String(key), String(value)], [mark.ledgerId, event.data])
  })

  test(`the ids of ${name} can be computed again from the event alone`, () => {
    const { id, data } = JSON.parse(structuredEvent(hourEvent(mark)))
    const hash = (fields: readonly unknown[]) =>
      createHash('sha256').update(JSON.stringify(fields)).digest('hex')
    const hour = [data.ledger_id, data.sink, data.hour_start, data.hour_end]
    assert.equal(data.hour_key, hash(hour))
    assert.equal(id, hash([...hour, data.revision]))
    const before = data.revision > 1 ? hash([...hour, data.revision - 1]) : null
    assert.equal(data.supersedes, before)
  })
}

test('every property of a mark is described, required, documented, and as it was released', () => {
  const page = readFileSync(new URL('docs/kafka.md', PROJECT), 'utf8')
  const event = hourEvent(FIRST)
  for (const [name, schema, one] of [
    ['hour-closed-event', EVENT, JSON.parse(structuredEvent(event))],
    ['hour-closed', DATA, JSON.parse(event.data)],
  ] as const) {
    assert.deepEqual(Object.keys(schema.properties), Object.keys(one as object))
    assert.deepEqual(schema.required, Object.keys(schema.properties))
    for (const [property, { description }] of Object.entries(schema.properties)) {
      assert.match(String(description), /\S.*\.$/, property)
      assert.ok(page.includes(`\`${property}\``) || page.includes(`"${property}"`), property)
    }
    assert.deepEqual(incompatibilities(schemaIn(`schemas/released/${name}.v1.json`), schema), [])
  }
  assert.ok(page.includes('`hour_closed`') && page.includes('`late`'))
})

test('a mark that breaks the contract is invalid', () => {
  const line = structuredEvent(hourEvent(FIRST))
  for (const [from, to] of [
    ['"rows":"1234"', '"rows":1234'],
    ['"rows":"1234",', ''],
    ['"revision":1', '"revision":0'],
    ['io.snimeter.hour-closed.v1', 'io.snimeter.usage.v1'],
  ] as const) {
    assert.ok(line.includes(from), from)
    assert.equal(isEvent(JSON.parse(line.replace(from, to))), false, to)
  }
})
