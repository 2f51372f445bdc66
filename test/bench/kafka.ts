import type { TestContext } from 'node:test'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import type { Broker } from '../helpers/kafka/broker.ts'
import { startProxiedBroker } from '../helpers/kafka/proxied-broker.ts'
import type { Proxy } from '../helpers/kafka/proxy.ts'
import { kafkaConfig, someEvent } from '../kafka/events.ts'
import { median } from './median.ts'

export type Compression = KafkaConfig['compression']

/** What it costs to hand usage events to a real broker, one publish at a time. */
export interface ProducerCost {
  readonly compression: Compression
  /** CPU of this process per 1,000 events, all threads, ms; median of the rounds. */
  readonly cpuMsPerThousand: number
  /** Events per second until the broker has acknowledged them; median of the rounds. */
  readonly eventsPerSecond: number
  /** What the broker keeps per event, bytes. */
  readonly storedBytes: number
}

export interface ProducerLoad {
  readonly batchEvents: number
  readonly batchesPerRound: number
  readonly rounds: number
  readonly partitions: number
}

/** Gives a real broker, and a slow way to it, to `use`, and ends it; undefined, with the reason noted, where there is none. */
export async function withBroker<T>(
  note: (text: string) => void,
  use: (broker: Broker, proxy: Proxy) => Promise<T>,
): Promise<T | undefined> {
  const cleanups: (() => unknown)[] = []
  const context = { after: (end: () => unknown) => cleanups.push(end), skip: note }
  try {
    const kafka = await startProxiedBroker(context as unknown as TestContext)
    return kafka === undefined ? undefined : await use(kafka.broker, kafka.proxy)
  } finally {
    for (const end of cleanups) await end()
  }
}

/**
 * Publishes structured events of 200 workloads and 50 names through the sink, each compression in
 * turn within a round, so that a busy minute of the machine meets all of them.
 */
export async function benchProducer(
  broker: Broker,
  compressions: readonly Compression[],
  load: ProducerLoad,
): Promise<readonly ProducerCost[]> {
  const runs = compressions.map((compression) => {
    const overrides = { compression, batchEvents: load.batchEvents }
    const config = kafkaConfig([broker.address], `bench-${compression}`, overrides)
    const sink = new KafkaSink(config, { logger: SILENT })
    return { compression, topic: config.topic, sink, cpuMs: [] as number[], rate: [] as number[] }
  })
  const batches = Array.from({ length: load.batchesPerRound }, (_, i) => batchOf(load, i))
  const events = load.batchEvents * load.batchesPerRound
  for (const { topic } of runs) await broker.createTopic(topic, { partitions: load.partitions })
  // The first round warms up connections, compilers and the broker.
  for (let round = 0; round <= load.rounds; round++) {
    for (const run of runs) {
      const { seconds, cpuMs } = await publishAll(run.sink, batches)
      if (round === 0) continue
      run.cpuMs.push((cpuMs / events) * 1000)
      run.rate.push(events / seconds)
    }
  }
  const costs: ProducerCost[] = []
  for (const { compression, topic, sink, cpuMs, rate } of runs) {
    await sink.stop()
    const bytes = await broker.withAdmin(async (admin) => {
      const topics = [
        { name: topic, partitions: Array.from({ length: load.partitions }, (_, i) => i) },
      ]
      const brokers = await admin.describeLogDirs({ topics })
      const stored = brokers
        .flatMap(({ results }) => results)
        .flatMap((folder) => folder.topics)
        .flatMap(({ partitions }) => partitions)
      return stored.reduce((sum, partition) => sum + Number(partition.partitionSize), 0)
    })
    costs.push({
      compression,
      cpuMsPerThousand: median(cpuMs),
      eventsPerSecond: median(rate),
      storedBytes: bytes / (events * (load.rounds + 1)),
    })
  }
  return costs
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

function batchOf({ batchEvents }: ProducerLoad, index: number): readonly CloudEvent[] {
  return Array.from({ length: batchEvents }, (_, i) => {
    const at = index * batchEvents + i
    return someEvent(`workload-${at % 200}`, at, `bucket-${at % 50}.oss-cn-shanghai.aliyuncs.com`)
  })
}

async function publishAll(
  sink: KafkaSink,
  batches: readonly (readonly CloudEvent[])[],
): Promise<{ seconds: number; cpuMs: number }> {
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  for (const batch of batches) {
    const deliveries = await sink.publish(batch)
    const open = deliveries.find(({ kind }) => kind !== 'acknowledged')
    if (open !== undefined)
      throw new Error(`the broker did not take a batch: ${JSON.stringify(open)}`)
  }
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - startMs) / 1000, cpuMs: (user + system) / 1000 }
}
