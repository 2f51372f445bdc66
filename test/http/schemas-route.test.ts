import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { HttpServer } from '../../src/http/server.ts'
import { formatAddress } from '../../src/runtime/listen-address.ts'
import { Health } from '../../src/telemetry/health.ts'
import { Metrics } from '../../src/telemetry/registry.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

test('schemas are served as they are in the repository; other names get the list', async (t) => {
  const server = new HttpServer(
    { listen: '127.0.0.1:0', allowedHosts: [] },
    {
      health: new Health(),
      logger: memoryLogger(),
      metrics: new Metrics({ process: false }),
      status: () => ({}),
      query: () => Promise.reject(new Error('not asked')),
      nodes: () => [],
      findings: () => Promise.reject(new Error('not asked')),
    },
  )
  await server.start()
  t.after(() => server.stop())
  const url = `http://${formatAddress(server.address())}/schemas/`
  for (const file of [
    'usage.v1.schema.json',
    'usage-event.v1.schema.json',
    'hour-closed.v1.schema.json',
    'hour-closed-event.v1.schema.json',
  ]) {
    const response = await fetch(url + file)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^application\/schema\+json\b/)
    const text = readFileSync(new URL(`../../schemas/${file}`, import.meta.url), 'utf8')
    assert.equal(await response.text(), text)
  }
  for (const path of ['usage.v2.schema.json', '..%2Fpackage.json', 'released']) {
    const response = await fetch(url + path)
    assert.equal(response.status, 404)
    assert.deepEqual(await response.json(), {
      error: {
        code: 'not_found',
        message:
          'no such schema; use one of usage.v1.schema.json, usage-event.v1.schema.json, hour-closed.v1.schema.json, hour-closed-event.v1.schema.json',
      },
    })
  }
})
