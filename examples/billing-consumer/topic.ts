import { randomUUID } from 'node:crypto'
import {
  Consumer,
  ListOffsetTimestamps,
  type Message,
  stringDeserializers,
} from '@platformatic/kafka'
import type { Position } from './ledger.ts'
import type { UsageRecord } from './usage-event.ts'

export interface TopicOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly topic: string
  /** First offset to read of each partition; the others are read from their beginning. */
  readonly nextOffsets: ReadonlyMap<number, bigint>
  /** Ends where the topic ended at the start, instead of waiting for more. */
  readonly toEnd: boolean
}

type TextMessage = Message<string, string, string, string>

/**
 * Records of all partitions, in order within each. Offsets are the caller's to keep: none is committed
 * to Kafka, and the consumer group, which the library wants, is a new one every time. Throws if brokers
 * stay away, and at the start if offsets to read do not exist (any more).
 */
export async function* readTopic(
  options: TopicOptions,
): AsyncGenerator<{ readonly record: UsageRecord; readonly position: Position }> {
  const { brokers, topic, toEnd } = options
  const consumer = new Consumer({
    clientId: 'snimeter-billing-consumer',
    groupId: `snimeter-billing-consumer-${randomUUID()}`,
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
    autocommit: false,
    retries: 20,
    retryDelay: 500,
  })
  try {
    const begins = await offsetsOf(consumer, topic, ListOffsetTimestamps.EARLIEST)
    const ends = await offsetsOf(consumer, topic, ListOffsetTimestamps.LATEST)
    const next = begins.map((begin, partition) => options.nextOffsets.get(partition) ?? begin)
    for (const [partition, offset] of next.entries()) {
      const [begin, end] = [begins[partition] ?? 0n, ends[partition] ?? 0n]
      if (offset >= begin && offset <= end) continue
      throw new Error(
        `partition ${partition} of ${topic} holds offsets ${begin} to ${end}, and ${offset} is next: records were deleted, or the topic is another one (if it was filled again: --check --refilled)`,
      )
    }
    const isAtEnd = () =>
      toEnd && next.every((offset, partition) => offset >= (ends[partition] ?? 0n))
    if (isAtEnd()) return
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'manual',
      // Any other one jumps to the end where offsets to read are deleted meanwhile.
      fallbackMode: 'earliest',
      offsets: next.map((offset, partition) => ({ topic, partition, offset })),
    })
    for await (const message of stream) {
      const { partition, offset } = message
      yield { record: recordOf(message), position: { topic, partition, offset } }
      next[partition] = offset + 1n
      if (isAtEnd()) return
    }
  } finally {
    await consumer.close(true)
  }
}

async function offsetsOf(
  consumer: Consumer<string, string, string, string>,
  topic: string,
  timestamp: bigint,
): Promise<readonly bigint[]> {
  const offsets = await consumer.listOffsets({ topics: [topic], timestamp })
  return offsets.get(topic) ?? []
}

function recordOf({ key, value, headers }: TextMessage): UsageRecord {
  return { key, value, headers: Object.fromEntries(headers) }
}
