import type { TestContext } from 'node:test'
import { republish } from '../../src/fan-out/republish.ts'
import type { Sink } from '../../src/model/sink.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'
import { PublicationReader } from '../../src/store/publication-reader.ts'
import { Random } from '../helpers/random.ts'
import { until } from '../helpers/until.ts'
import { NOON, type UsageIncrement } from '../store/batch-fixture.ts'
import { MINUTE, OutboxFile } from '../store/outbox-fixture.ts'

/** Month, workload, name, bytes up, bytes down: the columns of every recipe's bill, as texts. */
export type Bill = string[][]

/** Minutes after noon of 24 November: the last and the first minute of a month, and some between. */
const WINDOWS = [0, 1, 60, 9358, 9359, 9360, 9361]
const NAMES = ['a.example', "b'.example", '2001:db8::1', '', '__other__']
const WORKLOADS = ['cart', 'cart-api', 'trainer']

/** A file of snimeter with revisions in three rounds, and the events of each round. */
export class PublishedUsage {
  readonly file: OutboxFile
  readonly rounds: CloudEvent[][] = []
  /** The same usage for another sink, and events of another type. */
  readonly others: CloudEvent[] = []
  readonly #sink: string

  /** @param sink name of the sink that the events are for */
  constructor(t: TestContext, sink: string, seed = 1) {
    this.#sink = sink
    this.file = new OutboxFile({ sinks: [sink] })
    t.after(() => this.file.remove())
    const random = new Random(seed)
    const any = (): UsageIncrement & { window: number } => ({
      window: random.pick(WINDOWS),
      workload: random.pick(WORKLOADS),
      sni: random.pick(NAMES),
      upload: random.integer(1, 2 ** 40),
      download: random.integer(0, 2 ** 40),
    })
    // Later rounds change rows that are published, and bring rows whose window is long closed.
    for (const [round, count] of [120, 60, 30].entries()) {
      const minute = 9400 + 20 * round
      this.file.commit(minute, Array.from({ length: count }, any))
      this.file.commit(minute + 10)
      this.rounds.push(this.#takeAll())
    }
  }

  /** The bill, as SQLite has it. */
  get bill(): Bill {
    const rows = this.file.all(`
      SELECT substr(window_start, 1, 7), namespace, workload, sni,
             CAST(sum(upload_bytes) AS TEXT), CAST(sum(download_bytes) AS TEXT)
      FROM usage GROUP BY 1, 2, 3, 4`)
    return sorted(rows)
  }

  /** Sends every revision of every window again, as `snimeter republish` does. */
  async refill(sink: Sink): Promise<void> {
    await republish({
      path: this.file.path,
      name: this.#sink,
      sink,
      sinceMs: NOON,
      untilMs: NOON + 10_000 * MINUTE,
      pause: () => Promise.resolve(),
    })
  }

  #takeAll(): CloudEvent[] {
    const reader = new PublicationReader(this.file.path)
    const page = reader.page(this.#sink, 0, 10_000)
    reader.close()
    this.file.writer.acknowledge(
      this.#sink,
      page.map(({ sequence }) => sequence),
    )
    const events = page.map(({ usage }) => usageEvent(usage))
    this.others.push(...page.map(({ usage }) => usageEvent({ ...usage, sink: 'other' })))
    this.others.push(...events.map((event) => ({ ...event, type: 'io.snimeter.later.v1' })))
    return events
  }
}

/**
 * What a topic can hold at worst: the first round is lost, so later revisions come first, and in disorder; then the
 * topic is filled again, and first revisions come once more at the end. Between them lie another sink's
 * events, and events of another type.
 */
export async function publishAtWorst(usage: PublishedUsage, sink: Sink): Promise<void> {
  const [first = [], second = [], third = []] = usage.rounds
  await publishAll(sink, [...third, ...second, ...usage.others, ...second.slice(0, 20), ...third])
  await usage.refill(sink)
  await publishAll(sink, first)
}

/** Publishes events until all are acknowledged. */
export async function publishAll(sink: Sink, events: readonly CloudEvent[]): Promise<void> {
  let left = events
  await until('all events are acknowledged', async () => {
    const deliveries = await sink.publish(left)
    left = left.filter((_, i) => deliveries[i]?.kind !== 'acknowledged')
    return left.length === 0
  })
}

/** Rows as texts in one order, to be compared. */
export function sorted(rows: readonly (readonly unknown[])[]): Bill {
  return rows
    .map((row) => row.map(String))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

/** Keeps what a topic would hold. */
export class Topic implements Sink {
  readonly batchEvents = 50
  readonly events: CloudEvent[] = []

  async publish(events: readonly CloudEvent[]) {
    this.events.push(...events)
    return events.map(() => ({ kind: 'acknowledged' as const }))
  }

  async stop(): Promise<void> {}
}
