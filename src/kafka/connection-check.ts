import type { TopicMemory } from '../model/topic-memory.ts'
import { KafkaClient, type MetadataResponse } from './client.ts'
import type { KafkaConfig } from './config.ts'
import { connectionOptions } from './connection-options.ts'
import { topicIn } from './topic.ts'
import { changeFindings, type Repair, rememberTopic } from './topic-changes.ts'
import { lookAtTopic } from './topic-look.ts'
import { settingFindings } from './topic-settings.ts'
import { troubleOf } from './trouble.ts'

/** One thing that was looked at. `wrong` would keep events from arriving, `note` would not. */
export interface Finding {
  readonly verdict: 'ok' | 'wrong' | 'note'
  /** What was looked at. */
  readonly subject: string
  /** What was found, and what to do if it is wrong. One line, no secret. */
  readonly text: string
}

/** What the file of `serve` knows of the topic, if there is one. */
export interface KnownToFile {
  readonly memory?: TopicMemory | undefined
  readonly repair?: Repair
}

/**
 * Asks the brokers whether events would arrive: every broker of the configuration and every other one
 * of the cluster is reached, with TLS and password as configured; the topic exists; we may write to
 * it. Writes nothing: brokers tell what we may do with a topic. Takes at most a few time-outs.
 */
export async function checkConnection(
  config: KafkaConfig,
  known: KnownToFile = {},
): Promise<readonly Finding[]> {
  const { tls, sasl } = config
  const configured = await Promise.all(config.brokers.map((broker) => ask(config, broker)))
  const metadata = configured.find((answer) => answer.metadata !== undefined)?.metadata
  const findings = configured.map(({ finding }) => finding)
  if (metadata === undefined) return findings
  const others = metadata.brokers
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
    .filter((broker) => !config.brokers.includes(broker))
  const advertised = await Promise.all(others.map((broker) => ask(config, broker)))
  return [
    ...findings,
    ...advertised.map(({ finding }) => ({
      ...finding,
      subject: `${finding.subject} (advertised by the cluster)`,
    })),
    ...(sasl.mechanism === 'plain' && !tls.enabled ? [READABLE_PASSWORD] : []),
    ...topicFindings(config, metadata),
    ...(await lookFindings(config, known)),
  ]
}

const READABLE_PASSWORD: Finding = {
  verdict: 'note',
  subject: 'password',
  text: 'plain without TLS sends it as it is; use scram-sha-512, unless the mesh encrypts this hop',
}

interface Answer {
  readonly finding: Finding
  readonly metadata?: MetadataResponse
}

/** Connects to one broker alone and has it answer a request: only that proves that Kafka is there. */
async function ask(config: KafkaConfig, broker: string): Promise<Answer> {
  const subject = `broker ${broker}`
  try {
    const metadata = await withClient({ ...config, brokers: [broker] }, async (client) =>
      client.metadata(config.topic, true),
    )
    return { finding: { verdict: 'ok', subject, text: how(config) }, metadata }
  } catch (error) {
    const { message } = troubleOf(error)
    const text = message.startsWith(`${broker}: `) ? message.slice(broker.length + 2) : message
    return { finding: { verdict: 'wrong', subject, text } }
  }
}

function how({ tls, sasl }: KafkaConfig): string {
  const encryption = tls.enabled ? 'over TLS' : 'without encryption'
  const user = sasl.mechanism === 'none' ? '' : `, as user ${sasl.username} (${sasl.mechanism})`
  return `answers ${encryption}${user}`
}

/** Bits of READ and WRITE in the operations that a broker allows on a topic (AclOperation's codes 3 and 4). */
const READ = 1 << 3
const WRITE = 1 << 4
/** "Not told": the broker is older than Kafka 2.3. */
const NOT_TOLD = -2_147_483_648

function topicFindings(config: KafkaConfig, metadata: MetadataResponse): Finding[] {
  const subject = `topic ${config.topic}`
  const answer = topicIn(metadata, config.topic)
  if (answer.kind === 'absent') {
    const { enabled, partitions } = config.createTopic
    if (answer.unknown && enabled) {
      const text = `does not exist; it will be made with ${partitions} partitions`
      return [{ verdict: 'note', subject, text }]
    }
    const text = answer.message.replace(`the ${subject} `, '')
    return [{ verdict: 'wrong', subject, text }]
  }
  const { leaders, replicas, operations } = answer.topic
  const leaderless = leaders.filter((leader) => leader === undefined).length
  const size = `${leaders.length} partitions, ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`
  return [
    leaderless === 0
      ? { verdict: 'ok', subject, text: size }
      : {
          verdict: 'wrong',
          subject,
          text: `${size}, but ${leaderless} without a leader; see the logs of the brokers`,
        },
    permission(subject, operations),
  ]
}

function permission(subject: string, operations: number): Finding {
  if (operations === NOT_TOLD) {
    return { verdict: 'note', subject, text: 'the broker does not tell whether we may write' }
  }
  return (operations & WRITE) === 0
    ? { verdict: 'wrong', subject, text: 'this user may not write; allow it WRITE on the topic' }
    : (operations & READ) === 0
      ? {
          verdict: 'note',
          subject,
          text: 'may be written to, but not read: an older copy of the file would not be noticed; allow this user READ',
        }
      : { verdict: 'ok', subject, text: 'may be written to' }
}

/** The same findings as those of `serve`; nothing where the topic is not there. */
async function lookFindings(config: KafkaConfig, known: KnownToFile): Promise<Finding[]> {
  const look = await withClient(config, async (client) => lookAtTopic(client, config.topic)).catch(
    () => undefined,
  )
  if (look?.kind !== 'known') return []
  const { topic, createTopic } = config
  const { replicas } = look.topic
  const { retentionMs } = createTopic
  const findings = settingFindings({ topic, replicas, settings: look.settings, retentionMs })
  const { memory, repair } = known
  if (memory !== undefined && repair !== undefined) {
    findings.push(...changeFindings(rememberTopic(memory, topic, look, Date.now()), repair))
  }
  return findings.map(({ severity, subject, wrong, fix }) => ({
    verdict: severity === 'error' ? 'wrong' : 'note',
    subject,
    text: `${wrong}; ${fix}`,
  }))
}

async function withClient<T>(
  config: KafkaConfig,
  use: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  const client = new KafkaClient(connectionOptions(config, 0))
  try {
    return await use(client)
  } finally {
    client.close()
  }
}
