import type Database from 'better-sqlite3'
import type { TopicChange, TopicMemory } from '../model/topic-memory.ts'

interface Row {
  readonly topic: string
  readonly cluster_id: string
  readonly topic_id: string
  readonly partitions: number | bigint
  readonly end_offsets: string
  readonly changes: string
}

/** Keeps what a sink's topic was like; a sink that the file does not know has none. */
export class SinkTopics {
  readonly #write

  constructor(database: Database.Database) {
    this.#write = database.prepare(`
      INSERT OR REPLACE INTO sink_topic
      SELECT id, :topic, :clusterId, :topicId, :partitions, :endOffsets, :changes
      FROM sink WHERE name = :sink`)
  }

  write(sink: string, memory: TopicMemory): void {
    this.#write.run({
      ...memory,
      sink,
      endOffsets: JSON.stringify(memory.endOffsets),
      changes: JSON.stringify(memory.changes),
    })
  }
}

/** What a file remembers of a sink's topic; undefined for none, also in a file of an older release. */
export function readSinkTopic(database: Database.Database, sink: string): TopicMemory | undefined {
  const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sink_topic'").get()
  if (known === undefined) return undefined
  const row = database
    .prepare('SELECT * FROM sink_topic WHERE sink_id = (SELECT id FROM sink WHERE name = ?)')
    .get(sink) as Row | undefined
  if (row === undefined) return undefined
  const ends = JSON.parse(row.end_offsets) as readonly (number | null)[]
  return {
    topic: row.topic,
    clusterId: row.cluster_id,
    topicId: row.topic_id,
    partitions: Number(row.partitions),
    endOffsets: ends.map((end) => end ?? undefined),
    changes: JSON.parse(row.changes) as TopicChange[],
  }
}
