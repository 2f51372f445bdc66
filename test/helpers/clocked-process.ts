import { defaultConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config.ts'
import type { ClockStep } from '../../src/model/clock-step.ts'
import { Pipeline, type PipelineStream } from '../../src/pipeline.ts'
import { ArrivalClock } from '../../src/runtime/arrival-clock.ts'
import { Writer } from '../../src/store/writer.ts'
import { tcpEntry, tcpMessage } from './entry-writer.ts'
import { SHOP_SIDECAR } from './shop-sidecar.ts'

const LOOK_MS = 250

/** The machine's time: what it is, and by how much its wall clock is wrong. Moved by hand. */
export class MachineTime {
  /** True unix ms. */
  nowMs: number
  /** Added to it by the wall clock. */
  wrongMs = 0
  bootId = 'boot-1'
  readonly bootMs: number

  constructor(nowMs: number) {
    this.nowMs = nowMs
    this.bootMs = nowMs - 60_000
  }

  get wallMs(): number {
    return this.nowMs + this.wrongMs
  }

  get uptimeMs(): number {
    return this.nowMs - this.bootMs
  }
}

export interface Report {
  readonly connection: number
  readonly upload: number
  /** True unix ms: the node's clock is right. */
  readonly startMs: number
  readonly sni?: string
  readonly final?: boolean
}

/** `serve` over a file, without its sockets, in a machine's time: pipeline, writer, clock, one commit a second. */
export class ClockedProcess {
  readonly pipeline: Pipeline
  readonly writer: Writer
  readonly openedWith: ClockStep | undefined
  readonly steps: ClockStep[] = []
  readonly clock: ArrivalClock
  readonly #time: MachineTime
  readonly #stream: PipelineStream
  #committedMs: number

  constructor(
    path: string,
    time: MachineTime,
    config: Config = defaultConfig(),
    sinks: readonly string[] = [],
  ) {
    this.#time = time
    this.writer = new Writer({
      path,
      windowSeconds: config.rollup.windowSeconds,
      changeWindows: true,
      retention: config.store.retention,
      boot: { id: time.bootId, uptimeMs: time.uptimeMs },
      outbox: { instance: 'i', graceMs: config.rollup.graceMs, sinks, ...config.outbox },
    })
    const opening = this.writer.open(time.wallMs)
    this.openedWith = opening.step
    this.clock = new ArrivalClock({
      wallMs: () => time.wallMs,
      monotonicMs: () => time.uptimeMs,
      floorMs: opening.clock.newestMs,
    })
    this.pipeline = new Pipeline(config, opening, { uptimeMs: () => time.uptimeMs })
    this.pipeline.restore([], [], this.clock.now())
    this.pipeline.restore(this.writer.loadOpen(1000), [], this.clock.now())
    this.#stream = this.pipeline.openStream()
    this.#committedMs = time.nowMs
  }

  /** A sample arrives now, and the file answers what the ledger asks. */
  receive(report: Report): void {
    this.send(report)
    this.answer()
  }

  /** A sample arrives now; what the ledger asks waits for `answer`. */
  send({ connection, upload, startMs, sni = 'a.example', final = false }: Report): void {
    const entry = tcpEntry({
      streamId: `00000000-0000-4000-8000-${String(connection).padStart(12, '0')}`,
      type: final ? 3 : 2,
      sni,
      startMs,
      upload,
      ...(final ? { durationMs: this.#time.nowMs - startMs } : {}),
    })
    this.pipeline.message(this.#stream, tcpMessage([entry], SHOP_SIDECAR), this.clock.now())
  }

  /** The file answers what the ledger asks. */
  answer(): void {
    while (this.pipeline.held.hasQuestions) {
      const keys = this.pipeline.held.takeQuestions()
      this.pipeline.answer(keys, this.writer.find(keys))
    }
  }

  /** Time passes: four looks at the clock, a tick and a commit a second; long times in longer steps. */
  pass(ms: number): void {
    const endMs = this.#time.nowMs + ms
    const isLong = ms > 1_800_000
    const stepMs = isLong ? 30_000 : LOOK_MS
    while (this.#time.nowMs < endMs) {
      this.#time.nowMs = Math.min(endMs, this.#time.nowMs + stepMs)
      const step = this.clock.look()
      if (step !== undefined) {
        this.steps.push(step)
        this.pipeline.step(step)
      }
      if (this.#time.nowMs - this.#committedMs >= (isLong ? 600_000 : 1000)) this.commit()
      else if (isLong) this.pipeline.tick(this.clock.now())
    }
  }

  commit(): void {
    this.pipeline.tick(this.clock.now())
    this.#committedMs = this.#time.nowMs
    if (!this.pipeline.hasChanges) return
    const { outbox, minutesFromMs } = this.writer.apply(this.pipeline.cut())
    this.pipeline.committed(outbox.minutesHoldMs, minutesFromMs, outbox.dueMs)
    while (this.writer.tidy()) {
      // Compaction and retention, to their end.
    }
  }

  /** Everything is committed, the file is closed. */
  stop(): void {
    this.commit()
    this.writer.close()
  }

  /** What was not committed is lost. */
  kill(): void {
    this.writer.close()
  }
}
