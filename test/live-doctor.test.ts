import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { defaultConfig } from '../src/config/load.ts'
import { LiveDoctor } from '../src/live-doctor.ts'
import { Pipeline } from '../src/pipeline.ts'
import { ServiceError } from '../src/runtime/service-error.ts'
import { Writer } from '../src/store/writer.ts'
import { identifierField, type TcpEntry, tcpEntry, tcpMessage } from './helpers/entry-writer.ts'
import { temporaryFolder } from './helpers/temporary-folder.ts'

const NOON = Date.UTC(2026, 10, 24, 12)
const MINUTE = 60_000

/** Streams of one sidecar that say these things, and what is wrong then, by code. */
class Scene {
  readonly #pipeline: Pipeline
  readonly doctor: LiveDoctor
  hidden: () => Promise<readonly (readonly [string, bigint])[]> = () => Promise.resolve([])

  constructor(t: TestContext) {
    const config = defaultConfig()
    const writer = new Writer({
      path: join(temporaryFolder(t), 'file.db'),
      windowSeconds: 60,
      changeWindows: true,
      retention: config.store.retention,
    })
    t.after(() => writer.close())
    this.#pipeline = new Pipeline(config, writer.open(NOON))
    this.doctor = new LiveDoctor(config, {
      pipeline: this.#pipeline,
      queries: {
        run: async () => ({
          columns: ['sni', 'hop_bytes'],
          rows: (await this.hidden()).map((row) => row.map(String)),
        }),
      },
      receiver: { otherCalls: () => [], certificates: () => [], streams: 0 },
      isNew: true,
    })
  }

  hear(
    at: number,
    entries: readonly TcpEntry[],
    envoy: [number, number, number] = [1, 40, 0],
  ): void {
    const identifier = identifierField({
      id: 'sidecar~10.1.2.3~shop-1.default~default.svc.cluster.local',
      cluster: 'shop.default',
      metadata: { NAMESPACE: 'default', WORKLOAD_NAME: 'shop', NAME: 'shop-1' },
      envoy,
    })
    const message = tcpMessage(entries.map(tcpEntry), identifier)
    this.#pipeline.message(this.#pipeline.openStream(), message, NOON + at)
  }

  async codes(): Promise<string[]> {
    await this.doctor.refresh()
    return this.doctor.latest.findings.map(({ code, subject }) => `${code} ${subject}`)
  }
}

/** The end of a connection that began at noon. */
const end = (id: number, durationMs: number, over: Partial<TcpEntry> = {}): TcpEntry => ({
  streamId: `00000000-0000-4000-8000-00000000000${id}`,
  type: 3,
  sni: 'a.example',
  startMs: NOON,
  durationMs,
  upload: 5,
  ...over,
})

describe('what arrives says', () => {
  it('that nothing is wrong', async (t) => {
    const scene = new Scene(t)
    scene.hear(30_000, [{ ...end(1, 0), type: 2 }])
    scene.hear(3 * MINUTE, [end(1, 3 * MINUTE - 500)])
    assert.deepEqual(await scene.codes(), [])
    assert.deepEqual([scene.doctor.latest.nodes, scene.doctor.wrong], [1, 0])
  })

  it('that long connections are told at their end only', async (t) => {
    const scene = new Scene(t)
    scene.hear(3 * MINUTE, [end(1, 3 * MINUTE - 500)])
    assert.deepEqual(await scene.codes(), ['no-periodic-entries Workload default/shop'])
  })

  it('that two streams tell the same connections', async (t) => {
    const scene = new Scene(t)
    for (const _logger of [1, 2]) scene.hear(1000, [end(1, 500), end(2, 500)])
    assert.deepEqual(await scene.codes(), ['two-loggers Workload default/shop'])
  })

  it('that a listener tells what its filter tells', async (t) => {
    const scene = new Scene(t)
    scene.hear(1000, [end(1, 500, { type: 0, intermediate: false }), end(1, 500)])
    assert.deepEqual(await scene.codes(), ['listener-log Workload default/shop'])
  })

  it('that an Envoy is old, ahead of time, and sees no names', async (t) => {
    const scene = new Scene(t)
    scene.hear(1000, [end(1, 9000, { sni: '' })], [1, 25, 0])
    assert.deepEqual(
      (await scene.codes()).map((line) => line.split(' ')[0]),
      ['old-envoy', 'no-server-name', 'clock-ahead'],
    )
  })

  it('that entries without an id count nothing', async (t) => {
    const scene = new Scene(t)
    const { streamId: _, ...nameless } = end(1, 500)
    scene.hear(
      1000,
      Array.from({ length: 9 }, () => nameless),
    )
    assert.deepEqual(await scene.codes(), [], 'a few die in a listener filter')
    scene.hear(1000, [nameless])
    assert.deepEqual(await scene.codes(), ['no-connection-ids Workload default/shop'])
  })
})

describe('hops that hide bytes', () => {
  it('are found in the file, and counted among what is wrong', async (t) => {
    const scene = new Scene(t)
    scene.hidden = () => Promise.resolve([['a.example', 7n]])
    assert.deepEqual(await scene.codes(), ['hop-hides-bytes name a.example'])
    assert.equal(scene.doctor.wrong, 1)
  })

  it('are a thousand at most, and the answer says whether there are more', async (t) => {
    const scene = new Scene(t)
    for (const [hidden, shown, truncated] of [
      [1000, 1000, false],
      [1001, 1000, true],
    ] as const) {
      const hops = Array.from({ length: hidden }, (_, index) => [`${index}.example`, 7n] as const)
      scene.hidden = () => Promise.resolve(hops)
      assert.equal((await scene.codes()).length, shown)
      assert.equal(scene.doctor.latest.truncated, truncated)
    }
  })

  it('do not wait for a file that is busy with other queries', async (t) => {
    const scene = new Scene(t)
    scene.hear(30_000, [{ ...end(1, 0), type: 2 }])
    const answer = Promise.withResolvers<readonly (readonly [string, bigint])[]>()
    scene.hidden = () => answer.promise
    assert.deepEqual(await scene.codes(), [])
    answer.resolve([['a.example', 5n]])
    await answer.promise
    assert.deepEqual(await scene.codes(), ['hop-hides-bytes name a.example'])
  })

  it('stay known while the file cannot be asked', async (t) => {
    const scene = new Scene(t)
    scene.hidden = () => Promise.resolve([['a.example', 7n]])
    await scene.codes()
    scene.hidden = () => Promise.reject(new ServiceError('query_timeout', 'no answer'))
    await assert.rejects(scene.doctor.refresh(), { code: 'query_timeout' })
    assert.equal(scene.doctor.wrong, 1)
  })
})
