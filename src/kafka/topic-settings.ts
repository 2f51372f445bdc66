import type { Finding, Severity } from '../model/finding.ts'
import type { TopicSettings } from './topic-look.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A consumer that is away over a weekend must not lose events, ms. */
const SHORTEST_RETENTION_MS = 3 * DAY_MS

export interface LookedAt {
  readonly topic: string
  /** Replicas of the partition that has the fewest. */
  readonly replicas: number
  readonly settings: TopicSettings
  /** How long events should be kept (`kafka.create_topic.retention`), ms. */
  readonly retentionMs: number
}

/**
 * What the settings of a topic do to the guarantee of docs/kafka.md. A setting that the broker does not
 * have, or has in a form that is not known, is no finding.
 */
export function settingFindings(look: LookedAt): Finding[] {
  const { settings } = look
  const subject = `topic ${look.topic}`
  if (settings.kind === 'unread') return []
  if (settings.kind === 'hidden') {
    const { message: wrong, fix } = settings
    return [{ severity: 'note', code: 'topic-settings-unknown', subject, wrong, fix }]
  }
  const { values } = settings
  const policy = values.get('cleanup.policy')
  const policies = (policy ?? '').split(',').map((one) => one.trim())
  // A policy that is empty deletes nothing; one that is not known may.
  const deletes = policy === undefined || policies.includes('delete')
  return [
    ...(policies.includes('compact') ? [compacted(subject)] : []),
    ...(deletes ? retention(subject, values, look.retentionMs) : []),
    ...copies(subject, values, look.replicas),
  ]
}

function compacted(subject: string): Finding {
  return {
    severity: 'error',
    code: 'topic-compacted',
    subject,
    wrong:
      'is compacted: all but the last event of a workload would be deleted (cleanup.policy has compact)',
    fix: 'set cleanup.policy=delete on the topic, then send again what it may have lost: snimeter republish',
  }
}

function retention(
  subject: string,
  values: ReadonlyMap<string, string>,
  wantedMs: number,
): Finding[] {
  const findings: Finding[] = []
  const make = (severity: Severity, wrong: string, fix: string): void => {
    findings.push({ severity, code: 'topic-retention', subject, wrong, fix })
  }
  const keptMs = limit(values.get('retention.ms'))
  if (keptMs !== undefined && keptMs < wantedMs) {
    make(
      keptMs < SHORTEST_RETENTION_MS ? 'error' : 'warning',
      `keeps events for ${inWords(keptMs)}, less than kafka.create_topic.retention (${inWords(wantedMs)}): a consumer that is late loses usage`,
      `set retention.ms=${wantedMs} on the topic`,
    )
  }
  const keptBytes = limit(values.get('retention.bytes'))
  if (keptBytes !== undefined) {
    make(
      'warning',
      `deletes its oldest events beyond ${keptBytes} bytes per partition (retention.bytes), however young they are`,
      'set retention.bytes=-1 on the topic',
    )
  }
  return findings
}

function copies(subject: string, values: ReadonlyMap<string, string>, replicas: number): Finding[] {
  const insync = limit(values.get('min.insync.replicas'))
  if (insync === undefined) return []
  const code = 'topic-insync-replicas'
  if (insync > replicas) {
    const wrong = `takes no event: min.insync.replicas is ${insync}, and it has ${replicas === 1 ? '1 replica' : `${replicas} replicas`}`
    const fix = `add replicas, or set min.insync.replicas=${Math.max(1, replicas - 1)}`
    return [{ severity: 'error', code, subject, wrong, fix }]
  }
  if (insync >= 2) return []
  if (replicas === 1) {
    const wrong =
      'has 1 replica (min.insync.replicas is 1): events that were acknowledged are lost with its broker'
    const fix = 'give it 3 replicas and min.insync.replicas=2; for a trial it may stay so'
    return [{ severity: 'warning', code, subject, wrong, fix }]
  }
  const wrong =
    'acknowledges events that one replica alone has (min.insync.replicas is 1): they are lost with its broker'
  const fix = `set min.insync.replicas=${Math.max(2, replicas - 1)} on the topic`
  return [{ severity: 'error', code, subject, wrong, fix }]
}

/** A number of Kafka's; undefined for "no limit" (-1), and for what is no number. */
function limit(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** The largest unit that leaves something: `1 hour`, `7 days`. Rounded down. */
function inWords(ms: number): string {
  const units = [
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ] as const
  const [unitMs, name] = units.find(([unit]) => ms >= unit) ?? [1000, 'second']
  const count = Math.floor(ms / unitMs)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
