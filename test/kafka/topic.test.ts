import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetadataResponse } from '../../src/kafka/client.ts'
import { insyncReplicas, topicIn } from '../../src/kafka/topic.ts'

const NO_TOPIC: MetadataResponse = {
  throttleTimeMs: 0,
  clusterId: 'cluster',
  controllerId: 1,
  brokers: [
    { nodeId: 1, host: 'one', port: 9092, rack: null },
    { nodeId: 2, host: 'two', port: 9093, rack: null },
  ],
  topics: [],
}

test('partitions of one leader share one object, so that one request goes to each leader', () => {
  // Answers come in any order of partitions; -1 stands for no leader.
  const answer = topicIn(withTopic(0, [2, 1, -1, 1]), 'usage')
  assert.ok(answer.kind === 'known')
  const { leaders, replicas } = answer.topic
  assert.deepEqual(leaders, [
    { host: 'two', port: 9093 },
    { host: 'one', port: 9092 },
    undefined,
    { host: 'one', port: 9092 },
  ])
  assert.equal(leaders[1], leaders[3])
  assert.equal(replicas, 2)
})

test('a topic that is not there says so, and whether nobody has made it', () => {
  const absent = (code: number, message: string): unknown => ({
    kind: 'absent',
    unknown: code === 3,
    code,
    message,
  })
  const unknown =
    'the topic usage does not exist; create it, or set kafka.create_topic.enabled: true'
  assert.deepEqual(topicIn(NO_TOPIC, 'usage'), absent(3, unknown))
  assert.deepEqual(topicIn(withTopic(3, []), 'usage'), absent(3, unknown))
  assert.deepEqual(
    topicIn(withTopic(29, []), 'usage'),
    absent(29, 'this user may not see the topic usage; allow it DESCRIBE and WRITE on the topic'),
  )
  assert.deepEqual(
    topicIn(withTopic(17, []), 'usage'),
    absent(17, 'usage is no valid name of a topic; change kafka.topic'),
  )
  assert.deepEqual(
    topicIn(withTopic(5, []), 'usage'),
    absent(
      5,
      "the topic usage has no partitions now (Kafka's error 5); see the logs of the brokers",
    ),
  )
})

test('one replica may be away, where there are several', () => {
  assert.deepEqual([1, 2, 3, 5].map(insyncReplicas), [1, 1, 2, 4])
})

function withTopic(errorCode: number, leaders: readonly number[]): MetadataResponse {
  const partitions = leaders.map((leaderId, partitionIndex) => ({
    errorCode: leaderId < 0 ? 5 : 0,
    partitionIndex,
    leaderId,
    leaderEpoch: 0,
    replicaNodes: [1, 2],
    isrNodes: [1, 2],
    offlineReplicas: [],
  }))
  const topic = {
    errorCode,
    name: 'usage',
    topicId: '00000000-0000-0000-0000-000000000000',
    isInternal: false,
    partitions: partitions.toReversed(),
    topicAuthorizedOperations: 0,
  }
  return { ...NO_TOPIC, topics: [topic] }
}
