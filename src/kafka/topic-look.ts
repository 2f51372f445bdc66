import type { KafkaClient } from './client.ts'
import { type KnownTopic, type TopicAnswer, topicIn } from './topic.ts'
import { ErrorCode, isUnsupported, troubleOf } from './trouble.ts'

const NO_ID = '00000000-0000-0000-0000-000000000000'

/** Settings by name as they are in effect, those of the broker's defaults included. */
export type TopicSettings =
  | { readonly kind: 'read'; readonly values: ReadonlyMap<string, string> }
  /** The user may not read them, or the broker has no such request. */
  | { readonly kind: 'hidden'; readonly message: string; readonly fix: string }
  /** They could not be read this time. */
  | { readonly kind: 'unread' }

/** What a topic is like now. */
export type TopicLook =
  | (TopicAnswer & { readonly kind: 'absent' })
  | {
      readonly kind: 'known'
      /** Its id is empty where the brokers do not say. */
      readonly topic: KnownTopic
      /** Empty where the brokers do not say. */
      readonly clusterId: string
      readonly endOffsets: readonly (number | undefined)[]
      readonly settings: TopicSettings
    }

/**
 * Looks at a topic: three requests that only read, and the last of them (settings) may be refused.
 * Rejects if no broker answers at all.
 */
export async function lookAtTopic(client: KafkaClient, name: string): Promise<TopicLook> {
  const metadata = await client.metadata(name)
  const answer = topicIn(metadata, name)
  if (answer.kind === 'absent') return answer
  // A broker older than Kafka 2.8 gives no id.
  const id = answer.topic.id === NO_ID ? '' : answer.topic.id
  const topic = { ...answer.topic, id }
  const endOffsets = await client.endOffsets(name, topic.leaders).catch(() => [])
  // Last: some brokers close the connection on a request that they do not know.
  const settings = await settingsOf(client, name)
  return { kind: 'known', topic, clusterId: metadata.clusterId ?? '', endOffsets, settings }
}

/** The settings, or why there are none. Never rejects. */
async function settingsOf(client: KafkaClient, name: string): Promise<TopicSettings> {
  try {
    return { kind: 'read', values: await client.topicSettings(name) }
  } catch (error) {
    if (isUnsupported(error)) {
      const message = 'its settings cannot be read: the broker has no DescribeConfigs'
      return { kind: 'hidden', message, fix: 'compare the topic with docs/kafka.md yourself' }
    }
    const { code } = troubleOf(error)
    if (
      code !== ErrorCode.topicAuthorizationFailed &&
      code !== ErrorCode.clusterAuthorizationFailed
    )
      return { kind: 'unread' }
    const message = 'its settings cannot be read: this user may not describe them'
    return { kind: 'hidden', message, fix: 'allow it DESCRIBE_CONFIGS on the topic' }
  }
}
