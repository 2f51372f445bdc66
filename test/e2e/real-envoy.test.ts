import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ANNOTATION_SECRET } from '../../src/demo/envoy-config.ts'
import { type Pod, startMesh, VIP_HOST } from '../../src/demo/mesh.ts'
import { parseCsv, runCommand } from '../helpers/command.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import {
  allClosed,
  inParallel,
  NAMELESS,
  PODS,
  servedTotals,
  shortConnection,
} from '../helpers/pods.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import {
  assertableSums,
  integrity,
  select,
  TotalsBuilder,
  totalsByName,
  totalsByWorkloadAndName,
  workloadAndName,
} from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const OSS = 'oss-cn-shanghai.aliyuncs.com'
const NAMES = [
  `photos.${OSS}`,
  `logs.${OSS}`,
  'models.oss-cn-shanghai-internal.aliyuncs.com',
  'cdn-lfs.huggingface.co',
  // No chain of its own: PassthroughCluster, with an SNI.
  'updates.example.org',
]
const REFUSED = 'gone.refused.example.com'
/** Beginning of names whose connections do not end in an orderly way. */
const ABORTED = 'abort-'

const SHORT_PER_POD = 90
const LONG_PER_POD = 3
const REFUSED_PER_POD = 3
const ABORTED_PER_POD = 3

for (const version of ENVOY_VERSIONS) {
  test(`bytes per SNI and workload equal the server's sockets, from Envoy ${version}`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const folder = temporaryFolder(t)
    const db = databaseIn(folder)
    const serve = await startServe(t, { db })
    const mesh = await startMesh({
      binary,
      alsPort: serve.alsPort,
      pods: PODS,
      flushIntervalMs: 300,
      logConnected: true,
    })
    t.after(() => mesh.stop())

    await Promise.all(mesh.pods.map(traffic))
    await until('the servers have seen every connection close', () => allClosed(mesh))
    const served = mesh.pods.flatMap((pod) => pod.served)
    const orderly = served.filter(({ sni }) => !sni.startsWith(ABORTED))
    assert.ok(
      orderly.every((connection) => connection.orderly),
      'the traffic itself went wrong',
    )
    const connections = served.length + PODS.length * REFUSED_PER_POD

    await until('every connection is closed in the file', () => {
      const [row] = select(db, 'SELECT sum(connections_closed) AS closed FROM usage')
      return row?.['closed'] === BigInt(connections)
    })

    const expected = servedTotals(mesh, (name) => !name.startsWith(ABORTED))
    for (const { namespace, workload } of PODS) {
      // Refused connections count, with the 0 bytes that left the node.
      const key = workloadAndName(namespace, workload, REFUSED)
      const pods = PODS.filter((pod) => pod.workload === workload).length
      expected[key] = { upload: 0n, download: 0n, connections: BigInt(pods * REFUSED_PER_POD) }
    }
    const counted = totalsByWorkloadAndName(db)
    const isAborted = (key: string) => key.includes(` ${ABORTED}`)
    const without = Object.entries(counted).filter(([key]) => !isAborted(key))
    assert.deepEqual(Object.fromEntries(without), expected)

    await t.test('aborted connections appear, with what Envoy passed on', () => {
      const aborted = Object.entries(counted).filter(([key]) => isAborted(key))
      const appeared = aborted.reduce((sum, [, { connections }]) => sum + connections, 0n)
      assert.equal(appeared, BigInt(PODS.length * ABORTED_PER_POD))
      for (const [key, { upload }] of aborted) assert.ok(upload > 0n, key)
    })

    await t.test('query and all views say the same', async () => {
      const csv = await runCommand([
        'query',
        '--db',
        db,
        '--by',
        'namespace,workload,sni',
        '--format',
        'csv',
      ])
      assert.equal(csv.code, 0, csv.stderr)
      const fromQuery = new TotalsBuilder()
      for (const row of parseCsv(csv.stdout)) {
        fromQuery.add(
          workloadAndName(row['namespace'] ?? '', row['workload'] ?? '', row['sni'] ?? ''),
          BigInt(row['upload_bytes'] ?? ''),
          BigInt(row['download_bytes'] ?? ''),
          Number(row['connections']),
        )
      }
      assert.deepEqual(fromQuery.totals, counted)

      const byName = new TotalsBuilder()
      for (const [key, total] of Object.entries(counted)) {
        const name = key.slice(key.indexOf(' ') + 1)
        byName.add(name, total.upload, total.download, Number(total.connections))
      }
      assert.deepEqual(totalsByName(db), byName.totals)

      const { usage, totals } = assertableSums(db)
      assert.deepEqual(usage, { ...(totals as object), closed: BigInt(connections) })
    })

    await t.test('names say where they came from', () => {
      const sources = select(db, 'SELECT DISTINCT sni, name_source FROM usage').map(
        (row) => `${String(row['sni'])} ${String(row['name_source'])}`,
      )
      assert.ok(sources.includes(`${NAMES[0]} sni`))
      assert.ok(sources.includes(`${VIP_HOST} cluster`))
      assert.ok(sources.includes(`${NAMELESS} address`))
    })

    await t.test('workloads carry cluster, namespace, kind and name', () => {
      assert.deepEqual(
        select(
          db,
          'SELECT cluster, namespace, workload_kind, workload FROM workload_totals ORDER BY namespace',
        ),
        [
          { cluster: 'prod', namespace: 'batch', workload_kind: 'StatefulSet', workload: 'backup' },
          { cluster: 'prod', namespace: 'ml', workload_kind: 'Job', workload: 'trainer' },
          { cluster: 'prod', namespace: 'shop', workload_kind: 'Deployment', workload: 'checkout' },
        ],
      )
    })

    await t.test('nothing was refused, and nothing of the annotations was kept', async () => {
      const rejected = await metric(serve, 'snimeter_entries_rejected_total')
      assert.deepEqual(
        [...rejected].filter(([, count]) => count > 0),
        [],
      )
      const metrics = await (await fetch(`${serve.httpUrl}/metrics`)).text()
      const texts = [
        serve.stderr,
        metrics,
        ...readdirSync(folder).map((name) => read(folder, name)),
      ]
      assert.ok(texts.every((text) => !text.includes(ANNOTATION_SECRET)))
    })

    await mesh.stop()
    assert.equal(await serve.terminate(), 0, serve.stderr)
    assert.deepEqual(totalsByWorkloadAndName(db), counted)
    assert.equal(integrity(db), 'ok')
  })
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'latin1')
}

/** Everything that a pod can do to a connection. */
async function traffic(pod: Pod): Promise<void> {
  const short = Array.from({ length: SHORT_PER_POD }, (_, index) => () => {
    const name = NAMES[index % NAMES.length] ?? ''
    return shortConnection(pod, name, (index * 7919) % 60_000, (index * 104_729) % 200_000)
  })
  const long = Array.from({ length: LONG_PER_POD }, (_, index) => () => longConnection(pod, index))
  await inParallel(20, [...long, ...special(pod), ...short])
}

/** Lives for several flush intervals, idle in between. */
async function longConnection(pod: Pod, index: number): Promise<void> {
  const client = pod.connect(NAMES[index % NAMES.length] ?? '')
  for (let step = 0; step < 6; step += 1) {
    await client.exchange({ upload: 10_000 * index, download: step % 2 === 0 ? 0 : 50_000 })
    await sleep(250)
  }
  await client.end()
}

function special(pod: Pod): (() => Promise<unknown>)[] {
  const exchange = { upload: 3000, download: 7000 }
  const bothWays = async (client: ReturnType<Pod['connect']>) => {
    await client.exchange(exchange)
    await client.end()
  }
  return [
    () => bothWays(pod.connect(`PHOTOS.${OSS}`)),
    () => bothWays(pod.connect()),
    () => bothWays(pod.connectInPlainText()),
    () => bothWays(pod.connectToVip()),
    () => pod.connect(`half.${OSS}`).halfCloseWith({ upload: 100, download: 1_000_000 }),
    async () => {
      const client = pod.connect(`half.${OSS}`)
      await client.exchange({ upload: 1_000_000, download: 100, after: 'end' })
      await client.end()
    },
    ...Array.from({ length: REFUSED_PER_POD }, () => async () => {
      const client = pod.connect(REFUSED)
      await assert.rejects(client.exchange(exchange))
    }),
    async () => {
      const client = pod.connect(`${ABORTED}download.${OSS}`)
      await client.exchange(exchange)
      const broken = assert.rejects(client.exchange({ upload: 0, download: 50_000_000 }))
      await client.abort()
      await broken
    },
    async () => {
      const client = pod.connect(`${ABORTED}upload.${OSS}`)
      await client.exchange(exchange)
      const broken = assert.rejects(client.exchange({ upload: 50_000_000, download: 0 }))
      await client.destroy()
      await broken
    },
    async () => {
      const client = pod.connect(`${ABORTED}by-server.${OSS}`)
      await client.exchange(exchange)
      await assert.rejects(
        client.exchange({ upload: 50_000_000, download: 100_000, after: 'reset' }),
      )
    },
  ]
}
