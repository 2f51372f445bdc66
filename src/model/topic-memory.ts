/**
 * Something that happened to a sink's topic. `made_again`: it was deleted and made under the same name.
 * `end_went_back`: it has lost its newest events. `partitions_added`. `other_topic`, `other_cluster`: the
 * configuration names another one.
 */
export type TopicChangeKind =
  | 'made_again'
  | 'end_went_back'
  | 'partitions_added'
  | 'other_topic'
  | 'other_cluster'

export interface TopicChange {
  readonly kind: TopicChangeKind
  /** When it was seen, unix ms. */
  readonly seenMs: number
  /** What was there before: a number of partitions, or a name. */
  readonly before: string
}

/** What a sink's topic was like when it was last looked at; kept in the file. */
export interface TopicMemory {
  readonly topic: string
  /** Empty where the brokers do not say. */
  readonly clusterId: string
  /** Kafka's id of the topic; empty where the brokers do not say. */
  readonly topicId: string
  readonly partitions: number
  /** By partition: the offset after the newest event; undefined where it was never known. */
  readonly endOffsets: readonly (number | undefined)[]
  /** Changes that are reported until somebody has acted; one of a kind at most. */
  readonly changes: readonly TopicChange[]
}
