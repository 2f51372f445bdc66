import type { Broker, MessageRecord } from '@platformatic/kafka'
import type { Delivery, Sink } from '../model/sink.ts'
import type { SinkGuard, Stamp } from '../model/stamp.ts'
import type { CloudEvent } from '../model/usage-event.ts'
import { ServiceError } from '../runtime/service-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { KafkaClient } from './client.ts'
import type { KafkaConfig } from './config.ts'
import { connectionOptions } from './connection-options.ts'
import { Lane, refusalOf, type Waiting } from './lane.ts'
import { newestStamps } from './newest-stamps.ts'
import { partitionOf } from './partition.ts'
import { eventRecord, stamped } from './record.ts'
import { createTopic, findTopic, type KnownTopic, type TopicAnswer } from './topic.ts'
import { codeTrouble, troubleOf } from './trouble.ts'

export interface KafkaSinkDependencies {
  readonly logger: Logger
  /** Keeps an older copy of the file from sending; without it records have no stamps. */
  readonly guard?: SinkGuard | undefined
  /** Wall clock, unix ms: the timestamp of records. */
  readonly wallMs?: () => number
  /** A monotonic clock, ms. */
  readonly monotonicMs?: () => number
  /** How long a topic must be unknown before its events are refused, ms. */
  readonly unknownTopicMs?: number
}

/** A broker that has just started may not know its topics yet. */
const UNKNOWN_TOPIC_MS = 10_000
/** Leaders are looked up again after this time, without any trouble; the number of partitions too. */
const TOPIC_AGE_MS = 60_000

/**
 * Usage events to a Kafka topic, at least once, in order per key. Not idempotent on purpose: a repeat
 * has the same id and content, and nothing that is sent later overtakes what is not acknowledged.
 * One attempt per `publish`; whatever breaks a connection throws the client away, and the next attempt
 * starts afresh: files read again, another bootstrap broker first, fresh metadata.
 */
export class KafkaSink implements Sink {
  readonly batchEvents: number
  readonly #config: KafkaConfig
  readonly #logger: Logger
  readonly #guard: SinkGuard | undefined
  readonly #wallMs: () => number
  readonly #monotonicMs: () => number
  readonly #unknownTopicMs: number
  #client: KafkaClient | undefined
  #clients = 0
  #topic: { readonly known: KnownTopic; readonly readMs: number } | undefined
  #unknownSinceMs: number | undefined
  #greeted = false
  #stopped = false
  /** Ends the publish that is under way. */
  #abort: ((error: Error) => void) | undefined

  constructor(config: KafkaConfig, deps: KafkaSinkDependencies) {
    this.batchEvents = config.batchEvents
    this.#config = config
    this.#logger = deps.logger
    this.#guard = deps.guard
    this.#wallMs = deps.wallMs ?? Date.now
    this.#monotonicMs = deps.monotonicMs ?? (() => performance.now())
    this.#unknownTopicMs = deps.unknownTopicMs ?? UNKNOWN_TOPIC_MS
  }

  async publish(events: readonly CloudEvent[]): Promise<readonly Delivery[]> {
    if (events.length === 0) return []
    const { requestTimeoutMs } = this.#config
    const ended = Promise.withResolvers<never>()
    // Nobody may be waiting for it when it rejects.
    ended.promise.catch(() => undefined)
    this.#abort = ended.reject
    const timer = setTimeout(() => {
      const message = `no acknowledgement within ${requestTimeoutMs / 1000} s; check whether the brokers hang, and that enough replicas are in sync`
      ended.reject(new ServiceError('kafka_timeout', message))
    }, requestTimeoutMs)
    try {
      if (this.#stopped) throw new ServiceError('kafka_stopped', 'the sink is stopped')
      // Where nothing may be sent no broker is asked.
      this.#guard?.stamp()
      return await this.#publish(events, ended.promise)
    } catch (error) {
      this.#discard()
      const delivery: Delivery = { kind: 'retry', message: troubleOf(error).message }
      return events.map(() => delivery)
    } finally {
      clearTimeout(timer)
      this.#abort = undefined
    }
  }

  /** Asks whether the file knows what the topic has; rejects if it does not, or if that cannot be known now. */
  async admit(): Promise<void> {
    if (this.#guard?.stamp() !== undefined) return
    try {
      const answer = await this.#findTopic()
      if (answer.kind === 'absent') throw new ServiceError('kafka_no_topic', answer.message)
      await this.#stamp(answer.topic)
    } catch (error) {
      this.#discard()
      throw new ServiceError('kafka_not_asked', troubleOf(error).message, { cause: error })
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#abort?.(new ServiceError('kafka_stopped', 'the sink is stopped'))
    this.#discard()
    return Promise.resolve()
  }

  async #publish(
    events: readonly CloudEvent[],
    ended: Promise<never>,
  ): Promise<readonly Delivery[]> {
    const answer = await Promise.race([this.#findTopic(), ended])
    if (answer.kind === 'absent') {
      const delivery = this.#absence(answer)
      return events.map(() => delivery)
    }
    const stamp = await Promise.race([this.#stamp(answer.topic), ended])
    const deliveries: Delivery[] = Array.from({ length: events.length })
    let open = this.#lanes(events, answer.topic, deliveries)
    while (open.length > 0) {
      await this.#round(open, answer.topic, stamp, ended)
      open = open.filter((lane) => !lane.done)
    }
    return deliveries
  }

  /** The topic as last seen, or looked up; made if that is wanted. */
  async #findTopic(): Promise<TopicAnswer> {
    const nowMs = this.#monotonicMs()
    if (this.#topic !== undefined && nowMs - this.#topic.readMs < TOPIC_AGE_MS) {
      return { kind: 'known', topic: this.#topic.known }
    }
    const client = this.#connected()
    let answer = await findTopic(client, this.#config.topic)
    if (answer.kind === 'absent' && answer.unknown && this.#config.createTopic.enabled) {
      const message = await createTopic(client, this.#config)
      if (message !== undefined) return { ...answer, message }
      this.#logger.info({ topic: this.#config.topic }, 'the topic was made')
      answer = await findTopic(client, this.#config.topic)
    }
    if (answer.kind === 'known') {
      this.#topic = { known: answer.topic, readMs: nowMs }
      this.#unknownSinceMs = undefined
      this.#greet(answer.topic)
    }
    return answer
  }

  /** What records carry; before the first one it is asked whether the file knows what the topic has. */
  async #stamp(topic: KnownTopic): Promise<Stamp | undefined> {
    const guard = this.#guard
    if (guard === undefined) return undefined
    const stamp = guard.stamp()
    if (stamp !== undefined) return stamp
    await guard.admit(await newestStamps(this.#connected(), this.#config.topic, topic, guard))
    return guard.stamp()
  }

  /** What an absent topic means for events: an unknown one is only believed after a while. */
  #absence({ unknown, code, message }: TopicAnswer & { readonly kind: 'absent' }): Delivery {
    const nowMs = this.#monotonicMs()
    if (unknown) this.#unknownSinceMs ??= nowMs
    const patient = unknown && nowMs - (this.#unknownSinceMs ?? nowMs) < this.#unknownTopicMs
    const reason = unknown ? 'topic_unknown' : refusalOf(code)
    if (reason === undefined || patient) return { kind: 'retry', message }
    return { kind: 'refused', reason, message }
  }

  #lanes(events: readonly CloudEvent[], topic: KnownTopic, deliveries: Delivery[]): Lane[] {
    const byPartition = new Map<number, Waiting[]>()
    events.forEach((event, index) => {
      const record = eventRecord(event, this.#config.mode)
      const partition = partitionOf(record.key, topic.leaders.length)
      const waiting = byPartition.get(partition)
      if (waiting === undefined) byPartition.set(partition, [{ index, record }])
      else waiting.push({ index, record })
    })
    return [...byPartition].map(([partition, waiting]) => new Lane(partition, waiting, deliveries))
  }

  /** One send to each leader, with the next records of each of its lanes. */
  async #round(
    lanes: readonly Lane[],
    topic: KnownTopic,
    stamp: Stamp | undefined,
    ended: Promise<never>,
  ): Promise<void> {
    const byLeader = new Map<Broker, Lane[]>()
    for (const lane of lanes) {
      const leader = topic.leaders[lane.partition]
      if (leader === undefined) {
        this.#topic = undefined
        lane.retry(`partition ${lane.partition} has no leader now; see the logs of the brokers`)
        continue
      }
      const others = byLeader.get(leader)
      if (others === undefined) byLeader.set(leader, [lane])
      else others.push(lane)
    }
    const client = this.#connected()
    let broken = false
    await Promise.all(
      [...byLeader].map(async ([leader, theirs]) => {
        try {
          await Promise.race([this.#send(client, leader, theirs, stamp), ended])
        } catch (error) {
          broken = true
          const { message } = troubleOf(error)
          for (const lane of theirs) lane.retry(message)
        }
      }),
    )
    if (broken) this.#discard()
  }

  async #send(
    client: KafkaClient,
    leader: Broker,
    lanes: readonly Lane[],
    stamp: Stamp | undefined,
  ): Promise<void> {
    const { topic, compression } = this.#config
    const timestamp = BigInt(this.#wallMs())
    const messages: MessageRecord[] = []
    for (const lane of lanes) {
      for (const { key, value, headers } of lane.take()) {
        const all = stamped(headers, stamp)
        messages.push({ topic, partition: lane.partition, key, value, headers: all, timestamp })
      }
    }
    const answers = await client.produce(leader, messages, compression)
    for (const lane of lanes) {
      const answer = answers.find(({ index }) => index === lane.partition)
      if (answer === undefined)
        lane.retry(`the broker did not answer for partition ${lane.partition}`)
      else lane.answered(answer.errorCode, codeTrouble(answer.errorCode, answer.errorMessage))
      // Whoever refuses may not be the leader any more.
      if (answer?.errorCode !== 0) this.#topic = undefined
    }
  }

  #connected(): KafkaClient {
    if (this.#stopped) throw new ServiceError('kafka_stopped', 'the sink is stopped')
    this.#client ??= new KafkaClient(connectionOptions(this.#config, this.#clients++))
    return this.#client
  }

  #discard(): void {
    this.#client?.close()
    this.#client = undefined
    this.#topic = undefined
  }

  /** Says once where events go, and that a topic that exists is left as it is. */
  #greet({ leaders, replicas }: KnownTopic): void {
    if (this.#greeted) return
    this.#greeted = true
    const { topic, createTopic } = this.#config
    this.#logger.info({ topic, partitions: leaders.length, replicas }, 'connected to Kafka')
    if (!createTopic.enabled) return
    if (leaders.length !== createTopic.partitions || replicas !== createTopic.replicationFactor) {
      this.#logger.warn(
        {
          topic,
          partitions: leaders.length,
          replicas,
          configured_partitions: createTopic.partitions,
          configured_replicas: createTopic.replicationFactor,
        },
        'the topic differs from kafka.create_topic and is left as it is',
      )
    }
  }
}
