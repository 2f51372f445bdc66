import type { Broker } from '@platformatic/kafka'
import type { KafkaClient, MetadataResponse } from './client.ts'
import type { KafkaConfig } from './config.ts'
import { ErrorCode, troubleOf } from './trouble.ts'

/** A topic that exists, as one answer of a broker tells it. */
export interface KnownTopic {
  /** Kafka's own id of it: a topic that is made anew has another. Zeros before Kafka 2.8. */
  readonly id: string
  /** Leader per partition; undefined while one is elected. */
  readonly leaders: readonly (Broker | undefined)[]
  /** Replicas of the partition that has the fewest. */
  readonly replicas: number
  /** Bits of what we may do with the topic, if that was asked. */
  readonly operations: number
}

/** The topic, or the code and the words why there is none for us. */
export type TopicAnswer =
  | { readonly kind: 'known'; readonly topic: KnownTopic }
  | {
      readonly kind: 'absent'
      /** Nobody has made it, as far as this broker knows. */
      readonly unknown: boolean
      readonly code: number
      readonly message: string
    }

/** Looks the topic up. Rejects if no broker answers. */
export async function findTopic(client: KafkaClient, name: string): Promise<TopicAnswer> {
  return topicIn(await client.metadata(name), name)
}

/** The topic in an answer. */
export function topicIn(metadata: MetadataResponse, name: string): TopicAnswer {
  const topic = metadata.topics.find((one) => one.name === name)
  const code = topic?.errorCode ?? ErrorCode.unknownTopicOrPartition
  if (topic === undefined || topic.partitions.length === 0) {
    const unknown = code === ErrorCode.unknownTopicOrPartition
    return { kind: 'absent', unknown, code, message: absence(name, code) }
  }
  // One object per broker: leaders are told apart by identity.
  const brokers = new Map(
    metadata.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]),
  )
  const leaders: (Broker | undefined)[] = Array.from({ length: topic.partitions.length })
  for (const { partitionIndex, leaderId } of topic.partitions) {
    leaders[partitionIndex] = brokers.get(leaderId)
  }
  const replicas = Math.min(...topic.partitions.map(({ replicaNodes }) => replicaNodes.length))
  const operations = topic.topicAuthorizedOperations
  return { kind: 'known', topic: { id: topic.topicId, leaders, replicas, operations } }
}

function absence(name: string, code: number): string {
  switch (code) {
    case ErrorCode.unknownTopicOrPartition:
      return `the topic ${name} does not exist; create it, or set kafka.create_topic.enabled: true`
    case ErrorCode.invalidTopic:
      return `${name} is no valid name of a topic; change kafka.topic`
    case ErrorCode.topicAuthorizationFailed:
      return `this user may not see the topic ${name}; allow it DESCRIBE and WRITE on the topic`
    default:
      return `the topic ${name} has no partitions now (Kafka's error ${code}); see the logs of the brokers`
  }
}

/**
 * Makes the topic with our settings; one that exists meanwhile is as good. Gives why not, in words,
 * or undefined. Timestamps stay CreateTime, Kafka's default: ours is the time of sending.
 */
export async function createTopic(
  client: KafkaClient,
  { topic, createTopic }: KafkaConfig,
): Promise<string | undefined> {
  const { partitions, replicationFactor, retentionMs } = createTopic
  try {
    const metadata = await client.metadata(topic)
    const controller =
      metadata.brokers.find(({ nodeId }) => nodeId === metadata.controllerId) ?? metadata.brokers[0]
    if (controller === undefined) return 'the cluster has no brokers now'
    await client.createTopic(controller, {
      name: topic,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: [
        { name: 'cleanup.policy', value: 'delete' },
        { name: 'retention.ms', value: String(retentionMs) },
        { name: 'min.insync.replicas', value: String(insyncReplicas(replicationFactor)) },
      ],
    })
    return undefined
  } catch (error) {
    const { code, message } = troubleOf(error)
    switch (code ?? 0) {
      case ErrorCode.topicAlreadyExists:
        return undefined
      case ErrorCode.invalidReplicationFactor:
        return `the topic ${topic} cannot be made with ${replicationFactor} replicas: there are not that many brokers; lower kafka.create_topic.replication_factor`
      case ErrorCode.topicAuthorizationFailed:
      case ErrorCode.clusterAuthorizationFailed:
        return `this user may not make the topic ${topic}; allow it CREATE, or make the topic yourself`
      default:
        return `the topic ${topic} cannot be made: ${message}`
    }
  }
}

/** One replica may be away without stopping us, and no acknowledged record is on one disk alone. */
export function insyncReplicas(replicationFactor: number): number {
  return Math.max(1, replicationFactor - 1)
}
