import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { configSchema } from '../helpers/kubernetes/config-schema.ts'
import { CHART } from '../helpers/kubernetes/helm.ts'

const FULL = join(import.meta.dirname, '../fixtures/helm/full.yaml')
const UPDATE =
  'run: UPDATE_HELM=1 node --test test/deploy/helm-schema.test.ts; biome check --write deploy'
const SCHEMA = join(CHART, 'values.schema.json')

interface ValuesSchema {
  readonly properties: Record<string, unknown>
}

test("the chart's schema knows the keys of the configuration", () => {
  const schema = JSON.parse(readFileSync(SCHEMA, 'utf8')) as ValuesSchema
  if (
    process.env['UPDATE_HELM'] === '1' &&
    !isDeepStrictEqual(schema.properties['config'], configSchema())
  ) {
    schema.properties['config'] = configSchema()
    writeFileSync(SCHEMA, JSON.stringify(schema, null, 2))
  }
  assert.deepEqual(schema.properties['config'], configSchema(), UPDATE)
})

test('the values and the full example fit the schema, and every object in it is closed', () => {
  const schema = JSON.parse(readFileSync(SCHEMA, 'utf8')) as ValuesSchema
  const validate = new Ajv({ strict: false }).compile(schema)
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as object
  const problems = (changed: object): unknown =>
    validate({ ...values, ...changed }) ? [] : validate.errors?.map(({ message }) => message)
  assert.deepEqual(problems({}), [])
  assert.deepEqual(problems(parse(readFileSync(FULL, 'utf8')) as object), [])
  const wrong: readonly object[] = [
    { replicas: 2 },
    { replica: 1 },
    { image: { tga: 'x' } },
    { config: { store: { paht: 'x' } } },
    { config: { als: { listen: '0.0.0.0:1' } } },
    { config: { kafka: { sasl: { password: 'x' } } } },
    { mesh: { flushInterval: '1m' } },
    { mesh: { provider: 'envoy' } },
    { mesh: { envoyFilter: { ports: [443, 443] } } },
    { mesh: { serviceEntries: { hosts: ['exact.example.com'] } } },
    { persistence: { size: '10' } },
  ]
  for (const changed of wrong) assert.notDeepEqual(problems(changed), [], JSON.stringify(changed))
  assert.deepEqual(
    Object.keys(values),
    Object.keys(schema.properties).filter((key) => key !== 'global'),
  )
})
