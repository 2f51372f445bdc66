import { randomUUID } from 'node:crypto'
import type { Batch, Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs'
import { kafkaClient, RETRY } from './client.ts'
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

/** Takes a record; what it throws ends the reading. */
export type OnRecord = (record: UsageRecord, position: Position) => void

/**
 * Gives records of all partitions, in order within each, one at a time. Offsets are the caller's to keep:
 * none is committed to Kafka, and the consumer group, which the library wants, is a new one every
 * time. Rejects if brokers stay away, and at the start if offsets to read do not exist (any more).
 */
export async function readTopic(options: TopicOptions, onRecord: OnRecord): Promise<void> {
  const kafka = kafkaClient(options.brokers)
  const partitions = await partitionsOf(kafka, options)
  const isAtEnd = () =>
    options.toEnd && [...partitions.values()].every(({ next, end }) => next >= end)
  if (isAtEnd()) return
  const consumer = kafka.consumer({
    groupId: `snimeter-billing-consumer-${randomUUID()}`,
    // By itself it would start again for ever, and read from the beginning.
    retry: { ...RETRY, restartOnFailure: async () => false },
  })
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  // The group has no offsets: whenever it is joined, reading goes on where it was.
  consumer.on(consumer.events.GROUP_JOIN, () => seek(consumer, options.topic, partitions))
  let isOver = false
  const eachBatch = async ({ batch }: { batch: Batch }): Promise<void> => {
    if (isOver) return
    try {
      readBatch(batch, partitions, onRecord)
      if (!isAtEnd()) return
      resolve()
    } catch (error) {
      reject(error)
    }
    isOver = true
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: options.topic, fromBeginning: true })
    consumer.run({ autoCommit: false, eachBatch }).catch(reject)
    await ended
  } finally {
    await consumer.disconnect()
  }
}

/** What is read next of a partition, and its end when reading began. */
interface Partition {
  next: bigint
  readonly end: bigint
}

async function partitionsOf(
  kafka: Kafka,
  { topic, nextOffsets }: TopicOptions,
): Promise<Map<number, Partition>> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    const partitions = new Map<number, Partition>()
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const [begin, end] = [BigInt(low), BigInt(high)]
      const next = nextOffsets.get(partition) ?? begin
      if (next < begin || next > end) {
        throw new Error(
          `partition ${partition} of ${topic} holds offsets ${begin} to ${end}, and ${next} is next: records were deleted, or the topic is another one (if it was filled again: --check --refilled)`,
        )
      }
      partitions.set(partition, { next, end })
    }
    return partitions
  } finally {
    await admin.disconnect()
  }
}

function seek(consumer: Consumer, topic: string, partitions: ReadonlyMap<number, Partition>): void {
  for (const [partition, { next }] of partitions) {
    consumer.seek({ topic, partition, offset: String(next) })
  }
}

function readBatch(batch: Batch, partitions: Map<number, Partition>, onRecord: OnRecord): void {
  const { topic, partition } = batch
  // One that was added to the topic since: all of it is new.
  const state = partitions.get(partition) ?? { next: 0n, end: 0n }
  partitions.set(partition, state)
  for (const message of batch.messages) {
    const offset = BigInt(message.offset)
    if (offset < state.next) continue
    onRecord(recordOf(message), { topic, partition, offset })
    state.next = offset + 1n
  }
}

function recordOf({ key, value, headers }: KafkaMessage): UsageRecord {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, headerText(text)])
  return {
    ...(key !== null && { key: key.toString() }),
    value: value?.toString() ?? '',
    headers: Object.fromEntries(texts),
  }
}

/** Of a header that is there several times, the last one. */
function headerText(text: IHeaders[string]): string {
  const last = Array.isArray(text) ? text.at(-1) : text
  return last?.toString() ?? ''
}
