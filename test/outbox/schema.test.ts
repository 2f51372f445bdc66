import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { structuredEvent } from '../../src/runtime/structured-event.ts'
import { incompatibilities, type ObjectSchema } from '../helpers/schema-compatibility.ts'
import { anyUsage } from './any-usage.ts'

const PROJECT = new URL('../../', import.meta.url)
const schemaIn = (path: string) =>
  JSON.parse(readFileSync(new URL(path, PROJECT), 'utf8')) as ObjectSchema

const USAGE = schemaIn('schemas/usage.v1.schema.json')
const EVENT = schemaIn('schemas/usage-event.v1.schema.json')
const GOLDEN = new URL('test/fixtures/events/', PROJECT)

/** Formats are checked by the patterns beside them: ajv itself knows none. */
const ajv = new Ajv2020({ allErrors: true, validateFormats: false, allowUnionTypes: true })
ajv.addSchema(USAGE)
const isEvent = ajv.compile(EVENT)

function assertEvent(line: string): void {
  assert.ok(isEvent(JSON.parse(line)), ajv.errorsText(isEvent.errors))
}

test('every golden event is valid', () => {
  const files = readdirSync(GOLDEN).filter((name) => name.endsWith('.structured.json'))
  assert.ok(files.length >= 10)
  for (const file of files) assertEvent(readFileSync(new URL(file, GOLDEN), 'utf8'))
})

test('every event is valid', () => {
  fc.assert(fc.property(anyUsage, (usage) => assertEvent(structuredEvent(usageEvent(usage)))))
})

test('every property is described, required, and there: no more and no less', () => {
  for (const [schema, one] of [
    [EVENT, JSON.parse(structuredEvent(usageEvent(someUsage())))],
    [USAGE, JSON.parse(usageEvent(someUsage()).data)],
  ] as const) {
    assert.deepEqual(Object.keys(schema.properties), Object.keys(one as object))
    assert.deepEqual(schema.required, Object.keys(schema.properties))
    for (const [name, { description }] of Object.entries(schema.properties)) {
      assert.match(String(description), /\S.*\.$/, name)
    }
  }
})

const someUsage = () => fc.sample(anyUsage, 1)[0] as Parameters<typeof usageEvent>[0]

test('docs/kafka.md explains every property', () => {
  const text = readFileSync(new URL('docs/kafka.md', PROJECT), 'utf8')
  for (const name of Object.keys({ ...EVENT.properties, ...USAGE.properties })) {
    const shown = name.replace(/^.*_delta$/, '\u2026_delta')
    assert.ok(text.includes(`\`${shown}\``) || text.includes(`"${shown}"`), name)
  }
})

test('an event that breaks the contract is invalid', () => {
  const line = readFileSync(new URL('late-change.structured.json', GOLDEN), 'utf8')
  for (const [from, to] of [
    ['"upload_bytes":"1500"', '"upload_bytes":1500'],
    ['"upload_bytes":"1500"', '"upload_bytes":"-1"'],
    ['"upload_bytes":"1500"', '"upload_bytes":"01500"'],
    ['"upload_bytes":"1500"', '"upload_bytes":"1.5e3"'],
    ['"upload_bytes":"1500",', ''],
    ['"estimated_bytes_delta":"-100"', '"estimated_bytes_delta":"-0"'],
    ['"revision":2', '"revision":0'],
    ['"revision":2', '"revision":"2"'],
    ['18:00:00Z', '18:00:00+00:00'],
    ['"sni":"a.example"', '"sni":"A.example"'],
    ['"reason":"late"', '"reason":""'],
    ['"source":"/snimeter/', '"source":"//'],
    ['"specversion":"1.0"', '"specversion":"1.1"'],
  ] as const) {
    assert.ok(line.includes(from), from)
    assert.equal(isEvent(JSON.parse(line.replace(from, to))), false, to)
  }
})

test('reasons, origins and properties that come later are valid', () => {
  const line = readFileSync(new URL('late-change.structured.json', GOLDEN), 'utf8')
  assertEvent(line.replace('"reason":"late"', '"reason":"operator"'))
  assertEvent(line.replace('"name_source":"sni"', '"name_source":"ech"'))
  assertEvent(line.replace('"data":{', '"new":1,"data":{"new":1,'))
})

test('the schemas allow what the released ones allow, no more and no less', () => {
  for (const [name, current] of [
    ['usage', USAGE],
    ['usage-event', EVENT],
  ] as const) {
    assert.deepEqual(incompatibilities(schemaIn(`schemas/released/${name}.v1.json`), current), [])
  }
})

test('the comparison with the released schema finds every forbidden change', () => {
  const property = (name: string, change: Record<string, unknown>): ObjectSchema => ({
    ...USAGE,
    properties: { ...USAGE.properties, [name]: { ...USAGE.properties[name], ...change } },
  })
  const { sni: _, ...without } = USAGE.properties
  for (const [found, changed] of [
    ['sni is removed', { ...USAGE, properties: without }],
    [
      'sni is no longer required',
      { ...USAGE, required: USAGE.required.filter((n) => n !== 'sni') },
    ],
    ['extra is newly required', { ...USAGE, required: [...USAGE.required, 'extra'] }],
    ['upload_bytes: type is changed', property('upload_bytes', { type: 'integer' })],
    ['supersedes: type is changed', property('supersedes', { type: 'string' })],
    ['upload_bytes: pattern is changed', property('upload_bytes', { pattern: '^[0-9]{1,18}$' })],
    ['revision: maximum is changed', property('revision', { maximum: 9 })],
    ['reason: enum is changed', property('reason', { enum: ['window_closed', 'late'] })],
    ['cluster: maxLength is changed', property('cluster', { maxLength: 63 })],
    ['the schema: additionalProperties is changed', { ...USAGE, additionalProperties: false }],
    ['the schema: $id is changed', { ...USAGE, $id: 'urn:snimeter:schema:usage:v2' }],
    ['the schema: minProperties is changed', { ...USAGE, minProperties: 30 }],
  ] as const) {
    assert.deepEqual(incompatibilities(USAGE, changed), [found])
  }
})

test('the comparison allows new optional properties and other words', () => {
  const properties = { ...USAGE.properties, region: { type: 'string' } }
  assert.deepEqual(incompatibilities(USAGE, { ...USAGE, properties, description: 'Other.' }), [])
})
