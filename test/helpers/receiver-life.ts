import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { defaultConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config.ts'
import { diagnoseLive } from '../../src/istio/doctor/live.ts'
import { PairReader } from '../../src/model/used-pairs.ts'
import { Pipeline, type PipelineStream, type Recorder } from '../../src/pipeline.ts'
import { Writer } from '../../src/store/writer.ts'
import { identifierField, type TcpEntry, tcpEntry, tcpMessage } from './entry-writer.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { select } from './totals.ts'

export const NOON = Date.UTC(2026, 10, 24, 12)

/** The identifier of a sidecar of `shop/<workload>`, whose node id is made of `ip`. */
export function sidecarOf(
  workload: string,
  ip: string,
  envoy: readonly [number, number, number] = [1, 40, 0],
): Buffer {
  return identifierField({
    id: `sidecar~${ip}~${workload}-0.shop~shop.svc.cluster.local`,
    cluster: `${workload}.shop`,
    metadata: { NAMESPACE: 'shop', WORKLOAD_NAME: workload, NAME: `${workload}-0` },
    envoy,
  })
}

/** A stream id: the UUID that ends in this number. */
export const streamId = (id: number): string =>
  `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`

/**
 * A receiver over a file, without sockets and threads: a pipeline and a writer, committed by hand, on
 * a clock by hand. It can be killed, and start again over the same file.
 */
export class ReceiverLife {
  readonly path: string
  pipeline: Pipeline
  readonly #config: Config
  readonly #writer: Writer
  readonly #recorder: Recorder | undefined

  constructor(t: TestContext, config: Config = defaultConfig(), nowMs = NOON, recorder?: Recorder) {
    this.#recorder = recorder
    this.path = join(temporaryFolder(t), 'file.db')
    this.#config = config
    this.#writer = new Writer({
      path: this.path,
      windowSeconds: 60,
      changeWindows: true,
      retention: config.store.retention,
    })
    t.after(() => this.#writer.close())
    this.pipeline = this.#begin(nowMs)
    this.pipeline.tick(nowMs)
  }

  /** A message of entries, by default on a new stream of this node; gives the stream back. */
  hear(
    identifier: Buffer | undefined,
    entries: readonly TcpEntry[],
    atMs: number,
    stream: PipelineStream = this.pipeline.openStream(),
  ): PipelineStream {
    this.pipeline.message(stream, tcpMessage(entries.map(tcpEntry), identifier), atMs)
    this.answer()
    return stream
  }

  /** The file answers what the ledger has asked. */
  answer(): void {
    while (this.pipeline.held.hasQuestions) {
      const keys = this.pipeline.held.takeQuestions()
      this.pipeline.answer(keys, this.#writer.find(keys))
    }
  }

  /** Time passes without a message, in steps of a second to ten. */
  pass(fromMs: number, toMs: number, stepMs = 10_000): void {
    for (let now = fromMs; now < toMs; now += stepMs) this.pipeline.tick(now)
    this.pipeline.tick(toMs)
  }

  commit(): void {
    this.#writer.apply(this.pipeline.cut())
    this.pipeline.committed(Number.MAX_SAFE_INTEGER)
  }

  /** A clean end and a new start. */
  restart(nowMs: number): void {
    this.commit()
    this.pipeline = this.#begin(nowMs)
    this.pipeline.tick(nowMs)
  }

  /** What was not committed is lost, and a new process starts. */
  crash(nowMs: number): void {
    this.pipeline = this.#begin(nowMs)
    this.pipeline.tick(nowMs)
  }

  /** Findings of `doctor live`: `code: what is wrong`. */
  findings(): string[] {
    return diagnoseLive({
      nodes: [...this.pipeline.observations.reports()],
      hiddenHops: [],
      billAt: 'sidecar',
      flushIntervalMs: this.#config.ledger.flushIntervalMs,
    }).map(({ code, wrong }) => `${code}: ${wrong}`)
  }

  /** Commits and reads rows as texts: columns joined by a space. */
  rows(sql: string): string[] {
    this.commit()
    return select(this.path, sql).map((row) => Object.values(row).join(' '))
  }

  /** Totals per workload and name: `workload name upload/download connections`. */
  totals(): string[] {
    return this.rows(`
      SELECT workload, sni, upload_bytes || '/' || download_bytes, connections
      FROM workload_sni_totals ORDER BY 1, 2`)
  }

  #begin(nowMs: number): Pipeline {
    const pipeline = new Pipeline(this.#config, this.#writer.open(nowMs), {
      recorder: this.#recorder,
    })
    pipeline.restore(
      this.#writer.loadOpen(1000),
      new PairReader().read(this.#writer.pairsBetween(0, 2 ** 50)),
      nowMs,
    )
    return pipeline
  }
}
