import {
  Base,
  type Broker,
  type CompressionAlgorithmValue,
  ConfigResourceTypes,
  type Connection,
  type createTopicsV7,
  type describeConfigsV4,
  type fetchV17,
  kGetApi,
  kGetConnection,
  type listOffsetsV9,
  type MessageRecord,
  type metadataV12,
  parseBroker,
  type produceV11,
  ResponseError,
} from '@platformatic/kafka'
import { ServiceError } from '../runtime/service-error.ts'
import type { KafkaClientOptions } from './connection-options.ts'
import { ConnectionFailed, troubleOf } from './trouble.ts'

export type MetadataResponse = metadataV12.MetadataResponse
export type PartitionAnswer = produceV11.ProduceResponsePartition
export type FetchedPartition = fetchV17.FetchResponsePartition
type NewTopic = createTopicsV7.CreateTopicsRequestTopic

/** The requests that we make. The library takes the newest version that it and the broker know. */
interface Apis {
  readonly Metadata: typeof metadataV12.api
  readonly Produce: typeof produceV11.api
  readonly Fetch: typeof fetchV17.api
  readonly ListOffsets: typeof listOffsetsV9.api
  readonly CreateTopics: typeof createTopicsV7.api
  readonly DescribeConfigs: typeof describeConfigsV4.api
}

/** A fetch that waits for nothing, without a session, of what is in sync. */
const NO_WAIT_MS = 0
const NO_SESSION = [0, -1] as const
const UNCOMMITTED = 0
const FETCH_BYTES = 2 ** 20

/** All replicas in sync have it: a record that is acknowledged survives the loss of its leader. */
const ACKS_ALL = -1
/** ListOffsets: the end of a partition, asked by a client. */
const LATEST = -1n
const NO_REPLICA = -1

/**
 * Connections to a cluster and the few requests that we make, one attempt each. The library's
 * producer is not used: it retries by itself, and hides the codes of single partitions. After its
 * first trouble a client is thrown away (`close`), so that no state of a broken one is ever reused.
 */
export class KafkaClient {
  readonly #base: Base
  readonly #brokers: readonly Broker[]
  readonly #timeoutMs: number
  readonly #connections = new Set<Connection>()
  /** The newest error of a connection: a request on it only hears "closed". */
  readonly #errors = new WeakMap<Connection, Error>()
  /** Connections on which Kafka has answered. */
  readonly #used = new WeakSet<Connection>()

  constructor(options: KafkaClientOptions) {
    this.#base = new Base(options)
    this.#brokers = options.bootstrapBrokers.map((broker) => parseBroker(broker))
    this.#timeoutMs = options.requestTimeout
    this.#base.connections.on('connecting', ({ connection }) => this.#watch(connection))
  }

  /** Brokers and the topic's partitions; with `operations`, the bits of what we may do with it. */
  async metadata(topic: string, operations = false): Promise<MetadataResponse> {
    const connection = await this.#bootstrap()
    return this.#request('Metadata', connection, async (api) =>
      // A topic with an error makes the library throw the whole response; it is read all the same.
      api.async(connection, [topic], false, operations).catch(responseIn<MetadataResponse>),
    )
  }

  /** Appends records at one broker: the answer for each of their partitions. */
  async produce(
    broker: Broker,
    records: MessageRecord[],
    compression: CompressionAlgorithmValue,
  ): Promise<readonly PartitionAnswer[]> {
    const connection = await this.#connect(broker)
    const response = await this.#request('Produce', connection, async (api) =>
      api
        .async(connection, ACKS_ALL, this.#timeoutMs, records, { compression })
        .catch(responseIn<produceV11.ProduceResponse>),
    )
    return typeof response === 'boolean'
      ? []
      : response.responses.flatMap((topic) => topic.partitionResponses)
  }

  /** The offset of a partition's first record (`-2n`), or the one that its next record gets (`-1n`). */
  async offset(leader: Broker, name: string, partition: number, which: -1n | -2n): Promise<bigint> {
    const connection = await this.#connect(leader)
    const wanted = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: which }
    const response = await this.#request('ListOffsets', connection, async (api) =>
      api.async(connection, -1, UNCOMMITTED, [{ name, partitions: [wanted] }]),
    )
    const answer = response.topics[0]?.partitions[0]
    if (answer === undefined) throw new Error(`no offset of partition ${partition}`)
    return answer.offset
  }

  /** Records of a partition from an offset on, about 1 MB of them; with the code of an error in the answer. */
  async fetch(
    leader: Broker,
    topicId: string,
    partition: number,
    offset: bigint,
  ): Promise<FetchedPartition> {
    const connection = await this.#connect(leader)
    const from = {
      partition,
      fetchOffset: offset,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      partitionMaxBytes: FETCH_BYTES,
    }
    const wanted = [{ topicId, partitions: [from] }]
    const response = await this.#request('Fetch', connection, async (api) =>
      api
        .async(connection, NO_WAIT_MS, 0, FETCH_BYTES, UNCOMMITTED, ...NO_SESSION, wanted, [], '')
        .catch(responseIn<fetchV17.FetchResponse>),
    )
    const answer = response.responses[0]?.partitions[0]
    if (answer === undefined) throw new Error(`no answer for partition ${partition}`)
    return answer
  }

  /** Makes a topic; rejects with the code of the broker. */
  async createTopic(controller: Broker, topic: NewTopic): Promise<void> {
    const connection = await this.#connect(controller)
    await this.#request('CreateTopics', connection, async (api) =>
      api.async(connection, [topic], this.#timeoutMs, false),
    )
  }

  /** Settings of a topic by name; rejects where we may not read them. */
  async topicSettings(topic: string): Promise<ReadonlyMap<string, string>> {
    const connection = await this.#bootstrap()
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }
    const response = await this.#request('DescribeConfigs', connection, async (api) =>
      api.async(connection, [resource], false, false),
    )
    const configs = response.results.flatMap((result) => result.configs)
    return new Map(
      configs.flatMap(({ name, value }): [string, string][] =>
        typeof value === 'string' ? [[name, value]] : [],
      ),
    )
  }

  /**
   * The offset after the newest record of each partition, by index; undefined where a broker does not
   * say. `leaders`: the broker of each partition.
   */
  async endOffsets(
    name: string,
    leaders: readonly (Broker | undefined)[],
  ): Promise<(number | undefined)[]> {
    const ends: (number | undefined)[] = leaders.map(() => undefined)
    await Promise.all(
      [...new Set(leaders)].map(async (leader) => {
        if (leader === undefined) return
        const indexes = [...leaders.keys()].filter((index) => leaders[index] === leader)
        for (const [index, offset] of await this.#endsAt(leader, name, indexes))
          ends[index] = offset
      }),
    )
    return ends
  }

  async #endsAt(
    leader: Broker,
    name: string,
    indexes: readonly number[],
  ): Promise<[index: number, offset: number][]> {
    const connection = await this.#connect(leader)
    const partitions = indexes.map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: -1,
      timestamp: LATEST,
    }))
    const response = await this.#request('ListOffsets', connection, async (api) =>
      api
        .async(connection, NO_REPLICA, UNCOMMITTED, [{ name, partitions }])
        .catch(responseIn<listOffsetsV9.ListOffsetsResponse>),
    )
    return response.topics
      .flatMap((topic) => topic.partitions)
      .filter(({ errorCode, offset }) => errorCode === 0 && offset >= 0n)
      .map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)])
  }

  /**
   * Lets go of every connection at once; what is under way rejects. The library closes only what it
   * still knows, and waits for writes that a hanging broker never takes.
   */
  close(): void {
    this.#base.close(() => undefined)
    for (const connection of this.#connections) {
      connection.close(() => undefined)
      connection.socket?.destroy()
    }
    this.#connections.clear()
  }

  #watch(connection: Connection): void {
    this.#connections.add(connection)
    // Without a listener an error after the first would end the process.
    connection.on('error', (error) => this.#errors.set(connection, error))
    // Brokers close idle connections. Its timer for the next authentication would outlive it.
    connection.once('close', () => {
      connection.close(() => undefined)
      this.#connections.delete(connection)
    })
  }

  /** The first broker of the configuration that lets us in. */
  async #bootstrap(): Promise<Connection> {
    const troubles: string[] = []
    for (const broker of this.#brokers) {
      try {
        return await this.#connect(broker)
      } catch (error) {
        if (this.#brokers.length === 1) throw error
        troubles.push(troubleOf(error).message)
      }
    }
    throw new ServiceError('kafka_unreachable', troubles.join('; '))
  }

  async #connect(broker: Broker): Promise<Connection> {
    return new Promise<Connection>((resolve, reject) => {
      this.#base[kGetConnection](broker, settle(resolve, reject))
    }).catch((error: unknown) => {
      throw new ConnectionFailed(broker, [error], false)
    })
  }

  async #request<Name extends keyof Apis, Response>(
    name: Name,
    connection: Connection,
    ask: (api: Apis[Name]) => Promise<Response>,
  ): Promise<Response> {
    try {
      const api = await new Promise<Apis[Name]>((resolve, reject) => {
        this.#base[kGetApi](
          name,
          settle<unknown>((found) => resolve(found as Apis[Name]), reject),
        )
      })
      const response = await ask(api)
      this.#used.add(connection)
      return response
    } catch (error) {
      if (error instanceof ResponseError) throw error
      const { host = '', port = 0 } = connection
      throw new ConnectionFailed(
        { host, port },
        [this.#errors.get(connection), error],
        this.#used.has(connection),
      )
    }
  }
}

/** The response that the library throws because of a code in it; any other error is thrown on. */
const responseIn = <Response>(error: unknown): Response | Promise<Response> =>
  error instanceof ResponseError ? (error['response'] as Response) : Promise.reject(error)

/** A callback for the library that settles a promise. */
function settle<T>(
  resolve: (value: T) => void,
  reject: (error: Error) => void,
): (error: Error | null, value?: T) => void {
  return (error, value) => {
    if (error) reject(error)
    else resolve(value as T)
  }
}
