import assert from 'node:assert/strict'
import { it } from 'node:test'
import { defaultConfig } from '../src/config/load.ts'
import type { StoreBatch } from '../src/model/batch.ts'
import { Pipeline } from '../src/pipeline.ts'
import { identifierField, tcpEntry, tcpMessage } from './helpers/entry-writer.ts'

const MIDNIGHT = Date.UTC(2026, 10, 25)
const EVENING = MIDNIGHT - 60_000
/** Ids are only released when there are more than this. */
const MANY_NAMES = 10_000

const nodeOf = (workload: string) =>
  identifierField({
    id: `sidecar~10.1.2.3~${workload}-1.default~default.svc.cluster.local`,
    cluster: `${workload}.default`,
    metadata: { NAMESPACE: 'default', WORKLOAD_NAME: workload, NAME: `${workload}-1` },
    envoy: [1, 40, 0],
  })

const entry = (connection: number, upload: number, type = 2) =>
  tcpEntry({
    streamId: `00000000-0000-4000-8000-00000000000${connection}`,
    type,
    sni: `name-${connection}.example`,
    upstreamCluster: `outbound|443||name-${connection}.example`,
    startMs: EVENING,
    upload,
  })

/** What the store makes of batches: names of ids, as defined and released so far. */
class Reader {
  readonly #names = {
    workloads: new Map<number, string>(),
    destinations: new Map<number, string>(),
    clusters: new Map<number, string>(),
    nodes: new Map<number, string>(),
  }

  /** `workload destination` of each usage row, `node workload destination cluster` of each connection. */
  read({ definitions, usage, connections, coverage }: StoreBatch) {
    const { workloads, destinations, clusters, nodes } = this.#names
    for (const { id, workload } of definitions.workloads) workloads.set(id, workload.name)
    for (const { id, destination } of definitions.destinations)
      destinations.set(id, destination.name)
    for (const { id, text } of definitions.clusters) clusters.set(id, text)
    for (const { id, node } of definitions.nodes) nodes.set(id, node.pod)
    const rows = {
      usage: Array.from(usage.workload, (id, i) =>
        [workloads.get(id), destinations.get(usage.destination[i] ?? -1)].join(' '),
      ),
      connections: Array.from(connections.workload, (id, i) =>
        [
          nodes.get(connections.node[i] ?? -1),
          workloads.get(id),
          destinations.get(connections.destination[i] ?? -1),
          clusters.get(connections.cluster[i] ?? -1),
        ].join(' '),
      ),
      coverage: Array.from(coverage.node, (id) => nodes.get(id)),
    }
    for (const kind of ['workloads', 'destinations', 'clusters', 'nodes'] as const) {
      for (const id of definitions.released[kind]) this.#names[kind].delete(id)
    }
    return rows
  }
}

it('a new day takes no name from what is still there: open connections and streams', () => {
  const pipeline = new Pipeline(defaultConfig(), {
    ledgerId: '',
    lastSequence: 0,
    clock: { ledgerMs: 0, newestMs: EVENING, minutesFromMs: 0, newestStartMs: 0 },
    forgottenBeforeMs: 0,
    minutesHoldMs: Number.MAX_SAFE_INTEGER,
    windowLengths: [{ fromMs: 0, seconds: 60 }],
  })
  const reader = new Reader()
  const cut = () => {
    const rows = reader.read(pipeline.cut())
    pipeline.committed(Number.MAX_SAFE_INTEGER)
    return rows
  }
  // A connection whose stream is gone, one whose stream stays, and a stream that has said nothing.
  const gone = pipeline.openStream()
  pipeline.message(gone, tcpMessage([entry(1, 10)], nodeOf('gone')), EVENING)
  pipeline.closeStream(gone)
  const stays = pipeline.openStream()
  pipeline.message(stays, tcpMessage([entry(2, 10)], nodeOf('stays')), EVENING)
  const silent = pipeline.openStream()
  pipeline.message(silent, tcpMessage([], nodeOf('silent')), EVENING)
  cut()
  for (let i = 0; i < MANY_NAMES; i++) {
    pipeline.identities.destination({ name: `n${i}.example`, nameSource: 'sni' })
  }
  pipeline.tick(MIDNIGHT)
  cut()
  // The two names of the day before are still in use; nothing refers to the others.
  assert.equal(pipeline.identities.sizes.destinations, 2)

  // New names take the free ids.
  for (let i = 0; i < MANY_NAMES; i++) {
    pipeline.identities.destination({ name: `m${i}.example`, nameSource: 'sni' })
  }
  const back = pipeline.openStream()
  pipeline.message(back, tcpMessage([], nodeOf('gone')), MIDNIGHT)
  for (const [stream, connection] of [
    [back, 1],
    [stays, 2],
    [silent, 3],
  ] as const) {
    pipeline.message(stream, tcpMessage([entry(connection, 20)]), MIDNIGHT + 1000)
  }
  const rows = cut()
  assert.deepEqual(
    [...new Set(rows.usage)],
    ['gone name-1.example', 'stays name-2.example', 'silent name-3.example'],
  )
  assert.deepEqual(rows.connections, [
    'gone-1 gone name-1.example outbound|443||name-1.example',
    'stays-1 stays name-2.example outbound|443||name-2.example',
    'silent-1 silent name-3.example outbound|443||name-3.example',
  ])
  assert.deepEqual(new Set(rows.coverage), new Set(['gone-1', 'silent-1', 'stays-1']))
})
