import type { Config } from '../config.ts'
import type { TopicWatch } from '../kafka/topic-watch.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { PublicationReader } from '../store/publication-reader.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface TopicWatchesDependencies {
  readonly logger: Logger
  readonly reader: Pick<PublicationReader, 'topicMemory' | 'revisionsFromMs'>
  readonly remember: (sink: string, memory: TopicMemory) => Promise<void>
}

/** Who looks at the topics of the sinks that have one, by the name of the sink. */
export async function topicWatches(
  { kafka }: Pick<Config, 'kafka'>,
  { logger, reader, remember }: TopicWatchesDependencies,
): Promise<ReadonlyMap<string, TopicWatch>> {
  if (kafka.brokers.length === 0) return new Map()
  const { TopicWatch } = await import('../kafka/topic-watch.ts')
  const { name } = kafka
  const file = {
    read: () => ({
      memory: reader.topicMemory(name),
      repair: { sink: name, fromMs: reader.revisionsFromMs(name) },
    }),
    write: (memory: TopicMemory) => remember(name, memory),
  }
  return new Map([[name, new TopicWatch(kafka, { logger, file })]])
}
