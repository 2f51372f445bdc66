import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { queryHiddenHops } from '../../src/query/hidden-hops.ts'
import { openReader } from '../../src/query/reader.ts'
import { Writer } from '../../src/store/writer.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { type BatchContent, makeBatch, NOON } from '../store/batch-fixture.ts'

/** The hops of a file with this content that hide bytes. */
function hidden(
  t: TestContext,
  content: Omit<BatchContent, 'sequence'>,
  nameSource: 'sni' | 'cluster' = 'sni',
): unknown {
  const path = join(temporaryFolder(t), 'file.db')
  const retention = { hoursMs: 1e12, connectionsMs: 1e12 }
  const writer = new Writer({ path, windowSeconds: 60, changeWindows: true, retention })
  writer.open(NOON)
  const batch = makeBatch({ sequence: 1, ...content })
  const destinations = batch.definitions.destinations.map(({ id, destination }) => {
    return { id, destination: { ...destination, nameSource } }
  })
  writer.apply({ ...batch, definitions: { ...batch.definitions, destinations } })
  writer.close()
  const database = openReader(path)
  try {
    return queryHiddenHops(database, NOON + 120_000, 30_000).rows
  } finally {
    database.close()
  }
}

const HOP = { hop: true, upload: 3, download: 4 }

it('names that only hops have moved bytes to are hidden, most bytes first', (t) => {
  const connections = [
    { id: 1, sni: 'a.example', ...HOP },
    { id: 2, sni: 'b.example', ...HOP },
    { id: 3, sni: 'b.example', ...HOP },
  ]
  assert.deepEqual(hidden(t, { connections }), [
    ['b.example', 14n],
    ['a.example', 7n],
  ])
})

it('a name that somebody is billed for is not hidden', (t) => {
  const usage = [{ sni: 'a.example', upload: 7 }]
  assert.deepEqual(hidden(t, { usage, connections: [{ id: 1, sni: 'a.example', ...HOP }] }), [])
})

it('a name that somebody was billed for long before the hop is hidden', (t) => {
  const lastMs = NOON - 11 * 60_000
  const usage = [{ sni: 'a.example', upload: 7, firstMs: lastMs, lastMs }]
  const connections = [{ id: 1, sni: 'a.example', ...HOP }]
  assert.deepEqual(hidden(t, { usage, connections }), [['a.example', 7n]])
})

it('a name is not hidden while the other proxy may still report it', (t) => {
  const soon = NOON + 119_999
  const connections = [
    { id: 1, sni: 'open.example', ...HOP, startMs: NOON + 1 },
    { id: 2, sni: 'ended.example', ...HOP, state: 2, startMs: NOON + 1, lastArrivalMs: soon },
    { id: 3, sni: 'late.example', ...HOP, state: 2, startMs: NOON + 1 },
  ]
  assert.deepEqual(hidden(t, { connections }), [['late.example', 7n]])
})

it('hops without bytes, billed connections, and names of the mesh’s own TLS hide nothing', (t) => {
  const connections = [
    { id: 1, sni: 'a.example', hop: true },
    { id: 2, sni: 'b.example', upload: 5 },
    { id: 3, sni: 'outbound_.443_._.gateway.example', ...HOP },
    { id: 4, sni: '__other__', ...HOP },
  ]
  assert.deepEqual(hidden(t, { connections }), [])
  assert.deepEqual(hidden(t, {}), [])
})

it('hosts of a gateway’s clusters are hidden like SNIs, but for services of the mesh', (t) => {
  const connections = [
    { id: 1, sni: 'api.vendor.example', ...HOP },
    { id: 2, sni: 'web.shop.svc.cluster.local', ...HOP },
    { id: 3, sni: 'web', ...HOP },
  ]
  assert.deepEqual(hidden(t, { connections }, 'cluster'), [['api.vendor.example', 7n]])
  const usage = [{ sni: 'api.vendor.example', upload: 7 }]
  assert.deepEqual(hidden(t, { usage, connections }, 'cluster'), [])
})
