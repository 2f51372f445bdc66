import type { Broker } from '@platformatic/kafka'
import { readStamp, type Stamp } from '../model/stamp.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { FetchedPartition, KafkaClient } from './client.ts'
import { STAMP_HEADER } from './record.ts'
import type { KnownTopic } from './topic.ts'
import { codeTrouble, ErrorCode } from './trouble.ts'

/** How far back a partition is read, records: where others send to the topic as well, ours may be behind theirs. */
const LOOK_BACK = 10_000n
/** The first step back; later ones are ten times as long. */
const FIRST_STEP = 1n
const EARLIEST = -2n
const LATEST = -1n

type Ours = Pick<Stamp, 'ledgerId' | 'sink'>

/**
 * The newest stamp of a ledger and sink in each partition, where there is one. Undefined if this user may not read
 * the topic. Rejects if a partition cannot be read now: what it has is not known then.
 */
export async function newestStamps(
  client: KafkaClient,
  name: string,
  topic: KnownTopic,
  ours: Ours,
): Promise<readonly Stamp[] | undefined> {
  const found = await Promise.all(
    topic.leaders.map(async (leader, partition) => {
      if (leader === undefined) {
        throw new ServiceError(
          'kafka_no_leader',
          `partition ${partition} has no leader now; see the logs of the brokers`,
        )
      }
      return new PartitionEnd(client, { name, topicId: topic.id, leader, partition }).newest(ours)
    }),
  )
  if (found.includes('not_allowed')) return undefined
  return found.filter((stamp) => typeof stamp === 'object')
}

interface Place {
  readonly name: string
  readonly topicId: string
  readonly leader: Broker
  readonly partition: number
}

/** Reads a partition backwards, in growing steps, each of them forwards. */
class PartitionEnd {
  readonly #client: KafkaClient
  readonly #place: Place

  constructor(client: KafkaClient, place: Place) {
    this.#client = client
    this.#place = place
  }

  async newest(ours: Ours): Promise<Stamp | 'not_allowed' | undefined> {
    const { name, leader, partition } = this.#place
    const end = await this.#client.offset(leader, name, partition, LATEST)
    const begin = await this.#client.offset(leader, name, partition, EARLIEST)
    const last = end - LOOK_BACK > begin ? end - LOOK_BACK : begin
    let to = end
    for (let step = FIRST_STEP; to > last; step *= 10n) {
      const from = to - step > last ? to - step : last
      const stamp = await this.#newestIn(from, to, ours)
      if (stamp !== undefined) return stamp
      to = from
    }
    return undefined
  }

  /** Of the records from `from` up to `to`, the newest stamp that is ours. */
  async #newestIn(
    from: bigint,
    to: bigint,
    ours: Ours,
  ): Promise<Stamp | 'not_allowed' | undefined> {
    const { leader, topicId, partition } = this.#place
    let newest: Stamp | undefined
    for (let next = from; next < to; ) {
      const answer = await this.#client.fetch(leader, topicId, partition, next)
      if (answer.errorCode === ErrorCode.topicAuthorizationFailed) return 'not_allowed'
      if (answer.errorCode !== 0) {
        throw new ServiceError('kafka_unreadable', codeTrouble(answer.errorCode, undefined))
      }
      const batches = answer.records ?? []
      for (const batch of batches) newest = newestOf(batch, ours) ?? newest
      const lastBatch = batches.at(-1)
      // Nothing of a range that exists: its records were deleted meanwhile.
      if (lastBatch === undefined) return newest
      next = lastBatch.firstOffset + BigInt(lastBatch.lastOffsetDelta) + 1n
    }
    return newest
  }
}

type Batch = NonNullable<FetchedPartition['records']>[number]

/** (Records beyond the range count as well: they are newer still.) */
function newestOf({ records }: Batch, { ledgerId, sink }: Ours): Stamp | undefined {
  for (const { headers } of records.toReversed()) {
    for (const [name, value] of headers) {
      if (String(name) !== STAMP_HEADER) continue
      const stamp = readStamp(String(value))
      if (stamp?.ledgerId === ledgerId && stamp.sink === sink) return stamp
    }
  }
  return undefined
}
