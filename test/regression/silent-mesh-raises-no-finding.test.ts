import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { App } from '../../src/app.ts'
import { NodeActivity } from '../../src/attribution/node-activity.ts'
import { defaultConfig } from '../../src/config/load.ts'
import { SilenceDiagnosis } from '../../src/istio/doctor/live-silence.ts'
import { LiveDoctor } from '../../src/live-doctor.ts'
import { UNKNOWN_NODE } from '../../src/model/source.ts'
import { Pipeline, type PipelineStream } from '../../src/pipeline.ts'
import { Writer } from '../../src/store/writer.ts'
import { AlsSender, sidecarIdentifier } from '../helpers/als-sender.ts'
import { runCommand } from '../helpers/command.ts'
import { EntryType, identifierField, tcpEntry, tcpMessage } from '../helpers/entry-writer.ts'
import { databaseIn, metric, startServe } from '../helpers/serve.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A mesh whose pods send at the minutes that a test says. */
class Mesh {
  readonly doctor: LiveDoctor
  streams = 0
  readonly #pipeline: Pipeline
  readonly #streams = new Map<string, PipelineStream>()
  #connections = 0

  constructor(t: TestContext, isNew = true) {
    const config = defaultConfig()
    const writer = new Writer({
      path: join(temporaryFolder(t), 'file.db'),
      windowSeconds: 60,
      changeWindows: true,
      retention: config.store.retention,
    })
    t.after(() => writer.close())
    this.#pipeline = new Pipeline(config, writer.open(NOON))
    const streams = (): number => this.streams
    this.doctor = new LiveDoctor(config, {
      pipeline: this.#pipeline,
      queries: { run: () => Promise.resolve({ columns: [], rows: [] }) },
      receiver: {
        otherCalls: () => [],
        certificates: () => [],
        get streams() {
          return streams()
        },
      },
      isNew,
    })
    this.pass(0)
  }

  /** A pod opens a connection, and goes on to report it each half minute until it is ended. */
  open(at: number, pod: string): Connection {
    const connection = { pod, id: ++this.#connections, startMs: NOON + at * MINUTE }
    this.report(at, connection)
    return connection
  }

  report(at: number, connection: Connection): void {
    this.#send(at, connection, EntryType.tcpPeriodic)
  }

  end(at: number, connection: Connection): void {
    this.#send(at, connection, EntryType.tcpConnectionEnd)
  }

  pass(at: number): void {
    this.#pipeline.tick(NOON + at * MINUTE)
  }

  /** Time passes minute by minute, while these connections are reported. */
  passFrom(from: number, to: number, ...living: readonly Connection[]): void {
    for (let at = from; at <= to; at++) {
      this.pass(at)
      for (const connection of living) this.report(at, connection)
    }
  }

  async findings(): Promise<string[]> {
    await this.doctor.refresh()
    return this.doctor.latest.findings.map(
      ({ severity, code, subject, wrong }) => `${severity} ${code} ${subject}: ${wrong}`,
    )
  }

  #send(at: number, { pod, id, startMs }: Connection, type: number): void {
    const workload = pod.split('-')[0] ?? ''
    const identifier = identifierField({
      id: `sidecar~10.1.2.3~${pod}.default~default.svc.cluster.local`,
      cluster: `${workload}.default`,
      metadata: { NAMESPACE: 'default', WORKLOAD_NAME: workload, NAME: pod },
      envoy: [1, 40, 0],
    })
    const durationMs = NOON + at * MINUTE - startMs
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
      type,
      sni: 'a.example',
      startMs,
      durationMs,
      upload: 5 + at,
    })
    let stream = this.#streams.get(pod)
    const isFirst = stream === undefined
    stream ??= this.#pipeline.openStream()
    this.#streams.set(pod, stream)
    const message = isFirst ? tcpMessage([entry], identifier) : tcpMessage([entry])
    this.#pipeline.message(stream, message, NOON + at * MINUTE)
  }
}

interface Connection {
  readonly pod: string
  readonly id: number
  readonly startMs: number
}

test('a receiver that nothing has ever reached says so, mildly at first', async (t) => {
  const mesh = new Mesh(t)
  mesh.pass(1)
  assert.deepEqual(await mesh.findings(), [
    'warning nothing-heard mesh: no proxy has sent anything yet',
  ])
  mesh.pass(16)
  assert.deepEqual(await mesh.findings(), [
    'error nothing-heard mesh: no proxy has sent anything yet',
  ])
  assert.equal(mesh.doctor.wrong, 1)
})

test('after a restart it waits for the proxies to come back, then says since when nothing has come', async (t) => {
  const mesh = new Mesh(t, false)
  for (const streams of [0, 2]) {
    mesh.streams = streams
    mesh.pass(0.9)
    assert.deepEqual(await mesh.findings(), [])
    assert.equal(mesh.doctor.latest.settlingUntilMs, NOON + MINUTE)
  }
  mesh.streams = 0
  mesh.pass(1)
  const since = 'no proxy has sent anything since the receiver started at 2026-11-24T12:00:00.000Z'
  assert.deepEqual(await mesh.findings(), [`warning nothing-heard mesh: ${since}`])
  assert.equal(mesh.doctor.latest.settlingUntilMs, 0)
  mesh.pass(20)
  assert.deepEqual(await mesh.findings(), [
    'error nothing-heard mesh: no proxy has sent anything since the receiver started at 2026-11-24T12:00:00.000Z',
  ])
})

test('a mesh that goes silent is an error, one that is connected and has no traffic a note', async (t) => {
  const mesh = new Mesh(t)
  const connection = mesh.open(1, 'shop-1')
  mesh.end(2, connection)
  mesh.pass(10)
  assert.deepEqual(await mesh.findings(), [])
  mesh.passFrom(11, 40)
  assert.deepEqual(await mesh.findings(), [
    'error nothing-heard mesh: no proxy has sent anything since 2026-11-24T12:02:00.000Z, and none is connected',
  ])
  mesh.streams = 3
  assert.deepEqual(await mesh.findings(), [
    'note quiet-mesh mesh: 3 proxies are connected, and have sent nothing since 2026-11-24T12:02:00.000Z: nothing that their filter selects has happened',
  ])
  assert.equal(mesh.doctor.wrong, 0)
  mesh.open(41, 'shop-1')
  assert.deepEqual(await mesh.findings(), [])
})

test('a node that leaves open connections silent has stopped reporting, until it sends again', async (t) => {
  const mesh = new Mesh(t)
  const stopping = mesh.open(1, 'shop-1')
  mesh.open(1, 'shop-1')
  const living = mesh.open(1, 'cart-1')
  mesh.report(2, stopping)
  mesh.passFrom(3, 5, living)
  assert.deepEqual(await mesh.findings(), [])
  mesh.passFrom(6, 9, living)
  const stopped =
    'warning stopped-reporting Pod default/shop: 1 proxy has sent nothing since 2026-11-24T12:02:00.000Z, with 2 connections open (shop-1)'
  const kindOf = (line: string | undefined): string =>
    (line ?? '').replace(/ \w+ default/, ' Pod default')
  assert.deepEqual((await mesh.findings()).map(kindOf), [stopped])
  // It is said for hours: much longer than what proxies do is judged.
  for (const hour of [0, 1, 2, 3]) {
    mesh.passFrom(10 + hour * 60, 69 + hour * 60, living)
    assert.deepEqual((await mesh.findings()).map(kindOf), [stopped], `${hour + 1} h`)
  }
  mesh.report(250, stopping)
  assert.deepEqual(await mesh.findings(), [])
})

test('a pod that is deleted ends its connections: nothing has stopped', async (t) => {
  const mesh = new Mesh(t)
  const deleted = mesh.open(1, 'shop-1')
  const living = mesh.open(1, 'cart-1')
  mesh.end(2, deleted)
  mesh.passFrom(3, 20, living)
  assert.deepEqual(await mesh.findings(), [])
})

test('a pod that is replaced has not stopped, also if it ended nothing', async (t) => {
  const mesh = new Mesh(t)
  const living = mesh.open(1, 'cart-1')
  mesh.open(1, 'shop-1')
  mesh.open(1, 'shop-2')
  const replacements = [mesh.open(2, 'shop-3'), mesh.open(2, 'shop-4')]
  mesh.passFrom(3, 20, living, ...replacements)
  assert.deepEqual(await mesh.findings(), [])
})

test('a workload with fewer pods than before is a note: it may have been scaled down', async (t) => {
  const mesh = new Mesh(t)
  const living = mesh.open(1, 'shop-1')
  mesh.open(1, 'shop-2')
  mesh.passFrom(2, 20, living)
  const [finding, ...others] = await mesh.findings()
  assert.match(finding ?? '', /^note stopped-reporting .*default\/shop: 1 proxy has .* \(shop-2\)$/)
  assert.deepEqual(others, [])
})

test('one workload of many that stops is a note, many at once are warnings', async (t) => {
  const mesh = new Mesh(t)
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
  const connections = names.map((name) => mesh.open(1, `${name}-1`))
  mesh.passFrom(2, 10, ...connections.slice(1))
  assert.deepEqual(
    (await mesh.findings()).map((line) =>
      line.split(':', 1)[0]?.replace(/ \w+ default/, ' default'),
    ),
    ['note stopped-reporting default/a'],
  )
  mesh.passFrom(11, 20, ...connections.slice(3))
  assert.deepEqual(
    (await mesh.findings()).map((line) =>
      line.split(':', 1)[0]?.replace(/ \w+ default/, ' default'),
    ),
    ['a', 'b', 'c'].map((name) => `warning stopped-reporting default/${name}`),
  )
})

test('workloads that have had no traffic for long are none that report: their number excuses nothing', async (t) => {
  const mesh = new Mesh(t)
  const idle = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) =>
    mesh.open(1, `${name}-1`),
  )
  for (const connection of idle) mesh.end(2, connection)
  const living = mesh.open(3, 'living-1')
  mesh.open(3, 'stopping-1')
  const severity = async () =>
    (await mesh.findings()).map((line) =>
      line.split(':', 1)[0]?.replace(/ \w+ default/, ' default'),
    )
  mesh.passFrom(4, 20, living)
  // One of eleven that report.
  assert.deepEqual(await severity(), ['note stopped-reporting default/stopping'])
  mesh.passFrom(21, 40, living)
  // One of two.
  assert.deepEqual(await severity(), ['warning stopped-reporting default/stopping'])
})

test('a flood of nodes is not remembered beyond its share, and a neighbour still is', () => {
  const activity = new NodeActivity()
  activity.at(NOON)
  const nodeOf = (id: string) => ({ ...UNKNOWN_NODE, id })
  for (let i = 0; i < 110_000; i++) activity.sent(nodeOf(`invented-${i}`), true, 'flood', NOON)
  const known = () => [...activity.reports()].map(({ node }) => node.id)
  assert.equal(known().length, 100_000)
  const neighbour = nodeOf('neighbour')
  activity.sent(neighbour, true, 'neighbour', NOON)
  activity.orphaned(neighbour)
  assert.deepEqual(known().slice(100_000), ['neighbour'])
  assert.equal([...activity.reports()].at(-1)?.orphaned, 1)
})

test('a node whose connections the file knew, and that does not come back, has stopped', () => {
  const diagnosis = new SilenceDiagnosis({
    nowMs: NOON,
    startedMs: NOON - HOUR,
    lastMs: NOON,
    streams: 1,
    isNew: false,
    flushIntervalMs: 30_000,
  })
  const workload = { cluster: 'c', namespace: 'default', kind: 'Deployment', name: 'shop' }
  const node = { ...UNKNOWN_NODE, id: 'sidecar~1', pod: 'shop-1', workload }
  const gone = { node, firstMs: 0, lastMs: 0, periodic: false, orphaned: 4 }
  const ends = { ...node, pod: 'shop-2', workload: { ...workload, name: 'ends-only' } }
  const others = { node: ends, firstMs: NOON - HOUR, lastMs: NOON, periodic: false, orphaned: 1 }
  for (const report of [gone, others]) diagnosis.add(report)
  for (const report of [gone, others]) diagnosis.compare(report)
  assert.deepEqual(
    [...diagnosis.findings()]
      .flatMap((finding) => finding ?? [])
      .map(({ severity, subject, wrong }) => `${severity} ${subject}: ${wrong}`),
    [
      'warning Deployment c/default/shop: 1 proxy has sent nothing since the receiver started, with 4 connections open (shop-1)',
    ],
  )
})

test('the API, the metric, top and doctor live say that nothing arrives', async (t) => {
  const db = databaseIn(temporaryFolder(t))
  const serve = await startServe(t, { db })
  const codes = async (): Promise<string[]> => {
    const response = await fetch(`${serve.httpUrl}/api/v1/findings`)
    const { findings } = (await response.json()) as { findings: { code: string }[] }
    return findings.map(({ code }) => code)
  }
  await until('it has looked', async () => (await codes()).length > 0)
  assert.deepEqual(await codes(), ['nothing-heard'])
  const findings = await metric(serve, 'snimeter_mesh_findings')
  assert.deepEqual([...findings], [['{severity="warning",code="nothing-heard"}', 1]])
  const top = await runCommand(['top', '--once', '--interval', '100ms', '--url', serve.httpUrl])
  assert.match(top.stdout, /1 finding/)
  const doctor = await runCommand(['doctor', 'live', '--url', serve.httpUrl])
  assert.equal(doctor.code, 1)
  assert.match(
    doctor.stdout,
    /^warning +mesh: no proxy has sent anything yet; .* \[nothing-heard\]\n$/,
  )

  const sender = new AlsSender(serve.alsAddress)
  const entry = tcpEntry({
    streamId: '00000000-0000-4000-8000-000000000001',
    type: EntryType.tcpPeriodic,
    sni: 'a.example',
    startMs: Date.now(),
    upload: 1,
  })
  assert.ok(await sender.send(tcpMessage([entry], sidecarIdentifier('shop', 'shop-1'))))
  await until('it has received', async () => (await codes()).length === 0)
  assert.equal(await sender.end(), 0)
  assert.equal(await serve.terminate(), 0)

  // Three minutes of grace: this machine may be slow.
  const again = await startServe(t, { db, env: { SNIMETER_LEDGER_FLUSH_INTERVAL: '90s' } })
  const status = async () => {
    const response = await fetch(`${again.httpUrl}/api/v1/findings`)
    return (await response.json()) as { since: string; settling_until: string }
  }
  await until('it has looked after the restart', async () => (await status()).since !== '')
  assert.match((await status()).settling_until, /^\d{4}-.*Z$/)
  const found = await metric(again, 'snimeter_mesh_findings')
  assert.deepEqual(
    [...found.keys()].filter((labels) => /nothing-heard|quiet-mesh/.test(labels)),
    [],
  )
  const calm = await runCommand(['doctor', 'live', '--url', again.httpUrl])
  assert.equal(calm.code, 0)
  assert.match(calm.stdout, /^note +mesh: the receiver has just started, .* \[just-started\]\n$/)
})

test('the metric says so before anybody asks for findings', async (t) => {
  const config = defaultConfig()
  const app = new App(
    {
      ...config,
      als: { ...config.als, listen: '127.0.0.1:0' },
      http: { ...config.http, listen: '127.0.0.1:0' },
      store: { ...config.store, path: join(temporaryFolder(t), 'file.db') },
    },
    { logger: memoryLogger(), findingsEveryMs: 100 },
  )
  await app.start()
  try {
    await until('the metric is there', async () => {
      const metrics = await (await fetch(`http://${app.httpAddress}/metrics`)).text()
      return metrics.includes('snimeter_mesh_findings{severity="warning",code="nothing-heard"} 1\n')
    })
  } finally {
    await app.stop()
  }
})
