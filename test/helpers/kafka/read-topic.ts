import {
  type API,
  Base,
  type Broker,
  type Connection,
  type fetchV17,
  kGetApi,
  kGetConnection,
} from '@platformatic/kafka'

/** One record as it lies in a topic. */
export interface TopicRecord {
  readonly partition: number
  readonly offset: bigint
  readonly key: string
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
  /** Unix ms. */
  readonly timestamp: bigint
}

/**
 * Everything that a topic holds when this is called, by partition and offset: plain fetches, no
 * consumer group, so it takes milliseconds and works at once after a restart of the broker.
 */
export async function readTopic(address: string, topic: string): Promise<TopicRecord[]> {
  const client = new Base({
    clientId: 'test-reader',
    bootstrapBrokers: [address],
    retries: 50,
    retryDelay: 100,
  })
  try {
    const metadata = await client.metadata({ topics: [topic] })
    const found = metadata.topics.get(topic)
    if (found === undefined) throw new Error(`there is no topic ${topic}`)
    const records: TopicRecord[] = []
    for (const [partition, { leader }] of found.partitions.entries()) {
      const connection = await connect(client, metadata.brokers.get(leader) as Broker)
      records.push(...(await readPartition(client, connection, found.id, partition)))
    }
    return records
  } finally {
    await client.close()
  }
}

type FetchApi = typeof fetchV17.api

/** Fetch request: wait at most this long; bytes per answer; committed records only; no session. */
const WAIT_MS = 100
const BYTES = 16 * 2 ** 20
const READ_COMMITTED = 1
const NO_SESSION = [0, -1] as const

async function readPartition(
  client: Base,
  connection: Connection,
  topicId: string,
  partition: number,
): Promise<TopicRecord[]> {
  const api = await fetchApi(client)
  const records: TopicRecord[] = []
  let end: bigint | undefined
  for (let next = 0n; end === undefined || next < end; ) {
    const from = {
      partition,
      fetchOffset: next,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      partitionMaxBytes: BYTES,
    }
    const wanted = [{ topicId, partitions: [from] }]
    const answer = await api.async(
      connection,
      WAIT_MS,
      1,
      BYTES,
      READ_COMMITTED,
      ...NO_SESSION,
      wanted,
      [],
      '',
    )
    const [found] = answer.responses.flatMap((one) => one.partitions)
    if (found === undefined) throw new Error(`no answer for partition ${partition}`)
    end ??= found.highWatermark
    for (const batch of found.records ?? []) {
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta)
        // A batch is stored and fetched as a whole.
        if (offset < next || offset >= end) continue
        records.push({
          partition,
          offset,
          key: text(record.key),
          value: text(record.value),
          headers: Object.fromEntries(
            record.headers.map(([name, value]) => [text(name), text(value)]),
          ),
          timestamp: batch.firstTimestamp + record.timestampDelta,
        })
      }
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
    }
  }
  return records
}

const text = (bytes: Buffer | null): string => bytes?.toString() ?? ''

async function connect(client: Base, broker: Broker): Promise<Connection> {
  return new Promise((resolve, reject) => {
    client[kGetConnection](broker, (error, connection) => {
      if (connection === undefined) reject(error ?? new Error('no connection'))
      else resolve(connection)
    })
  })
}

async function fetchApi(client: Base): Promise<FetchApi> {
  return new Promise((resolve, reject) => {
    client[kGetApi]('Fetch', (error, api?: API<unknown[], unknown>) => {
      if (api === undefined) reject(error ?? new Error('no fetch'))
      else resolve(api as unknown as FetchApi)
    })
  })
}
