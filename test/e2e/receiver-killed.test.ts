import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMesh } from '../../src/demo/mesh.ts'
import { ENVOY_VERSIONS, realEnvoy } from '../helpers/envoy.ts'
import { freePort } from '../helpers/free-port.ts'
import { allClosed, PODS, servedTotals, shortConnection } from '../helpers/pods.ts'
import { databaseIn, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { assertableSums, integrity, select, totalsByWorkloadAndName } from '../helpers/totals.ts'
import { until } from '../helpers/until.ts'

const OSS = 'oss-cn-shanghai.aliyuncs.com'
const LONG = `long.${OSS}`
const BEFORE = `before.${OSS}`
const LOST = `lost.${OSS}`
const DEAD = `dead.${OSS}`
const AFTER = `after.${OSS}`
/** Refused connections to the receiver. */
const REFUSALS =
  'cluster.outbound|9001||snimeter.snimeter.svc.cluster.local.upstream_cx_connect_fail'

for (const version of ENVOY_VERSIONS) {
  test(`kill -9 and restart count nothing twice and lose no living connection, Envoy ${version}`, async (t) => {
    const binary = await realEnvoy(t, version)
    if (binary === undefined) return
    const db = databaseIn(temporaryFolder(t))
    const alsPort = await freePort()
    const alsListen = `127.0.0.1:${alsPort}`
    const first = await startServe(t, { db, alsListen })
    const pods = PODS.slice(0, 3)
    const mesh = await startMesh({ binary, alsPort, pods, flushIntervalMs: 500 })
    t.after(() => mesh.stop())
    const everyPod = (job: (pod: (typeof mesh.pods)[number]) => Promise<void>) =>
      Promise.all(mesh.pods.map(job))
    const count = (where: string, ...names: string[]) => {
      const [row] = select(db, `SELECT count(*) AS n FROM connections WHERE ${where}`, ...names)
      return Number(row?.['n'])
    }

    // Long connections that live through it all, and one a pod that ends while nobody listens.
    const connectAll = (name: string) =>
      mesh.pods.flatMap((pod) => [pod.connect(name), pod.connect(name)])
    const long = connectAll(LONG)
    const lost = connectAll(LOST)
    const exchange = { upload: 20_000, download: 90_000 }
    await Promise.all([...long, ...lost].map((client) => client.exchange(exchange)))
    await everyPod((pod) => shortConnection(pod, BEFORE, 1000, 2000))
    await until('the short ones are closed in the file, the others open and not empty', () => {
      const closed = count("sni = ? AND state = 'closed'", BEFORE)
      const open = count("sni IN (?, ?) AND state = 'open' AND upload_bytes > 20000", LONG, LOST)
      return closed === pods.length && open === long.length + lost.length
    })

    await first.kill()
    const atDeath = totalsByWorkloadAndName(db)
    await Promise.all(long.map((client) => client.exchange(exchange)))
    await Promise.all(lost.map((client) => client.end()))
    await everyPod((pod) => shortConnection(pod, DEAD, 1000, 2000))
    // A batch that is handed to a connection is lost when that is refused. Two refusals from now on
    // are two flushes, so everything that has ended is among them.
    const refusals = () => Promise.all(mesh.pods.map(({ envoy }) => envoy.stat(REFUSALS)))
    const soFar = await refusals()
    await until('every Envoy has told of them in vain', async () =>
      (await refusals()).every((count, pod) => count >= (soFar[pod] ?? 0) + 2),
    )

    const second = await startServe(t, { db, alsListen })
    await Promise.all(long.map((client) => client.exchange(exchange)))
    await everyPod((pod) => shortConnection(pod, AFTER, 1000, 2000))
    await Promise.all(long.map((client) => client.end()))
    await until('the servers have seen every connection close', () => allClosed(mesh))
    await until('what ended after the restart is closed in the file', () => {
      const closed = count("sni IN (?, ?) AND state = 'closed'", LONG, AFTER)
      return closed === long.length + pods.length
    })

    const counted = totalsByWorkloadAndName(db)
    const of = (totals: typeof counted, ...names: string[]) =>
      Object.fromEntries(
        Object.entries(totals).filter(([key]) => names.some((name) => key.endsWith(` ${name}`))),
      )
    const whole = [LONG, BEFORE, AFTER]
    assert.deepEqual(
      of(counted, ...whole),
      servedTotals(mesh, (name) => whole.includes(name)),
    )
    // Their Ends were lost: the bytes of their last word stand, and they are visibly not closed.
    assert.deepEqual(of(counted, LOST), of(atDeath, LOST))
    assert.equal(count("sni = ? AND state IN ('open', 'orphaned')", LOST), lost.length)
    // Nothing was ever heard of these.
    assert.deepEqual(of(counted, DEAD), {})
    const { usage, totals } = assertableSums(db)
    assert.deepEqual(usage, {
      ...(totals as object),
      closed: BigInt(long.length + 2 * pods.length),
    })

    assert.equal(await second.terminate(), 0, second.stderr)
    assert.equal(integrity(db), 'ok')
  })
}
