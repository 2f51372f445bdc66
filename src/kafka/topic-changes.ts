import type { Finding } from '../model/finding.ts'
import type { TopicChange, TopicChangeKind, TopicMemory } from '../model/topic-memory.ts'
import type { TopicLook } from './topic-look.ts'

type Known = TopicLook & { readonly kind: 'known' }

/**
 * What is to be remembered of a topic after a look at it: the changes since the last one are noted in
 * `changes`. A change that makes the topic lack everything replaces those before it.
 *
 * @param before undefined at the first look at a sink's topic: nothing is compared then
 */
export function rememberTopic(
  before: TopicMemory | undefined,
  name: string,
  look: Known,
  nowMs: number,
): TopicMemory {
  const now = {
    topic: name,
    clusterId: look.clusterId || (before?.clusterId ?? ''),
    topicId: look.topic.id || (before?.topicId ?? ''),
    partitions: look.topic.leaders.length,
    endOffsets: look.topic.leaders.map((_, i) => look.endOffsets[i]),
  }
  if (before === undefined) return { ...now, changes: [] }
  const change = changeOf(before, name, look)
  if (change === undefined) {
    const endOffsets = now.endOffsets.map((end, i) => end ?? before.endOffsets[i])
    return { ...now, endOffsets, changes: before.changes }
  }
  const earlier =
    change.kind === 'partitions_added'
      ? before.changes.filter(({ kind }) => kind !== 'partitions_added')
      : []
  // The first count is what a consumer knows, however often partitions are added.
  const first = before.changes.find(({ kind }) => kind === change.kind)
  const isFirst = change.kind !== 'partitions_added' || first === undefined
  const noted: TopicChange = {
    ...change,
    seenMs: nowMs,
    ...(isFirst ? {} : { before: first.before }),
  }
  return { ...now, changes: [...earlier, noted] }
}

interface Change {
  readonly kind: TopicChangeKind
  readonly before: string
}

function changeOf(before: TopicMemory, name: string, look: Known): Change | undefined {
  const { id, leaders } = look.topic
  const partitions = String(before.partitions)
  const differ = (a: string, b: string): boolean => a !== '' && b !== '' && a !== b
  if (before.topic !== name) return { kind: 'other_topic', before: before.topic }
  if (differ(before.clusterId, look.clusterId)) {
    return { kind: 'other_cluster', before: before.clusterId }
  }
  if (differ(before.topicId, id) || leaders.length < before.partitions) {
    return { kind: 'made_again', before: partitions }
  }
  if (endWentBack(before, look)) {
    // With the same id it is the same topic, which has lost its newest events.
    const isSame = id !== '' && id === before.topicId
    return { kind: isSame ? 'end_went_back' : 'made_again', before: partitions }
  }
  if (leaders.length > before.partitions) return { kind: 'partitions_added', before: partitions }
  return undefined
}

/** Whether a partition ends before where it ended at an earlier look. */
export function endWentBack(before: TopicMemory, look: Known): boolean {
  return look.endOffsets.some((end, i) => {
    const known = before.endOffsets[i]
    return end !== undefined && known !== undefined && end < known
  })
}

export interface Repair {
  readonly sink: string
  /** Revisions are kept of windows from here on, unix ms. */
  readonly fromMs: number
}

/** The findings of what has happened to a topic, each with the command that repairs it. */
export function changeFindings(memory: TopicMemory, { sink, fromMs }: Repair): Finding[] {
  const since = new Date(Math.ceil(fromMs / 1000) * 1000).toISOString().replace('.000Z', 'Z')
  const fix = `run snimeter republish --config FILE --sink ${sink} --since ${since} (what is older is not kept any more), then send SIGHUP to serve`
  return memory.changes.map(({ kind, seenMs, before }) => ({
    severity: 'error',
    code: CODES[kind],
    subject: `topic ${memory.topic}`,
    wrong: WRONG[kind](before, memory.partitions, new Date(seenMs).toISOString()),
    fix,
  }))
}

const CODES: Readonly<Record<TopicChangeKind, string>> = {
  made_again: 'topic-made-again',
  end_went_back: 'topic-lost-events',
  partitions_added: 'topic-partitions-added',
  other_topic: 'topic-replaced',
  other_cluster: 'topic-replaced',
}

type Text = (before: string, partitions: number, seen: string) => string

const WRONG: Readonly<Record<TopicChangeKind, Text>> = {
  made_again: (before, partitions, seen) => {
    const isAsLarge = Number(before) === partitions
    const size = isAsLarge ? '' : ` with ${partitions} partitions instead of ${before}`
    return `was deleted and made under the same name${size} (seen at ${seen}): it lacks the events of before`
  },
  end_went_back: (_, _partitions, seen) =>
    `has lost events that it had acknowledged: its end went back (seen at ${seen})`,
  partitions_added: (before, partitions, seen) =>
    `has ${partitions} partitions instead of ${before} (seen at ${seen}): a workload's later events are in another partition than its earlier ones, and their order is lost`,
  other_topic: (before, _, seen) =>
    `gets the events of this sink instead of topic ${before} (since ${seen}): it lacks the events of before`,
  other_cluster: (_, _partitions, seen) =>
    `is in another cluster than before (since ${seen}): it lacks the events of before`,
}
