import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../model/finding.ts'
import type { TopicMemory } from '../model/topic-memory.ts'
import type { Logger } from '../telemetry/logger.ts'
import { KafkaClient } from './client.ts'
import type { KafkaConfig } from './config.ts'
import { connectionOptions } from './connection-options.ts'
import { changeFindings, endWentBack, type Repair, rememberTopic } from './topic-changes.ts'
import { lookAtTopic, type TopicLook } from './topic-look.ts'
import { settingFindings } from './topic-settings.ts'

/** The topic is looked at this often, ms. */
const EVERY_MS = 120_000
/** Where it was not there, or no broker answered, ms. */
const SOON_MS = 15_000
/** An end that went back is believed when it is still so after this time: elections pass, ms. */
const CONFIRM_MS = 5000

/** What the file knows of the topic. */
interface TopicFile {
  /** Throws if the file cannot be read now. */
  read(): { readonly memory: TopicMemory | undefined; readonly repair: Repair }
  write(memory: TopicMemory): Promise<void>
}

export interface TopicWatchDependencies {
  readonly logger: Logger
  readonly file: TopicFile
  /** Wall clock, unix ms. */
  readonly wallMs?: () => number
  readonly everyMs?: number
  readonly confirmMs?: number
}

/**
 * Looks at a sink's topic at the start and every few minutes: whether its settings keep what
 * docs/kafka.md promises, and whether it is still the topic of before. Each look has connections of its
 * own, so that it neither waits for events nor holds them up; it reads, and changes nothing. A look that
 * fails says nothing: the relay says when brokers are away.
 */
export class TopicWatch {
  readonly #config: KafkaConfig
  readonly #deps: TopicWatchDependencies
  #findings: readonly Finding[] = []
  /** Those of the settings, as of the last look that could read them. */
  #ofSettings: readonly Finding[] = []
  /** What is logged and still holds, by code and text. */
  #logged = new Map<string, Finding>()
  #looks = 0
  #acted = false
  /** Looks in a row that found no topic. */
  #absences = 0
  #stopped = false
  #client: KafkaClient | undefined
  #pausing = new AbortController()

  constructor(config: KafkaConfig, deps: TopicWatchDependencies) {
    this.#config = config
    this.#deps = deps
  }

  /** As of the last look that got an answer. */
  get findings(): readonly Finding[] {
    return this.#findings
  }

  /** Once; `stop` ends it. */
  start(): void {
    void this.#run()
  }

  /** Looks now. `acted`: somebody has repaired what was reported until now, which ends with it. */
  lookNow(acted: boolean): void {
    this.#acted ||= acted
    this.#pausing.abort()
  }

  /** At once: what is under way is given up. Safe twice and without `start`. */
  stop(): void {
    this.#stopped = true
    this.#pausing.abort()
    this.#client?.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#pausing = new AbortController()
      const isThere = await this.#look().catch(() => false)
      await this.#pause(isThere ? (this.#deps.everyMs ?? EVERY_MS) : SOON_MS)
    }
  }

  /** Whether the topic is there; rejects where nothing could be learned. */
  async #look(): Promise<boolean> {
    const acted = this.#acted
    let look = await this.#ask()
    if (this.#stopped) return false
    if (look.kind === 'absent') {
      // A broker that has just started may not know its topics yet.
      if (++this.#absences > 1) {
        // Nothing is learned of what was found before.
        const before = this.#findings.filter(({ code }) => code !== 'topic-missing')
        this.#report([...this.#absence(look), ...before])
      }
      return false
    }
    this.#absences = 0
    const { file, wallMs = Date.now, confirmMs = CONFIRM_MS } = this.#deps
    const { memory, repair } = file.read()
    if (memory !== undefined && endWentBack(memory, look)) {
      await this.#pause(confirmMs)
      look = await this.#ask()
      if (this.#stopped || look.kind === 'absent') return false
    }
    const before = memory && acted ? { ...memory, changes: [] } : memory
    const after = rememberTopic(before, this.#config.topic, look, wallMs())
    if (acted) this.#acted = false
    this.#report([...this.#settings(look), ...changeFindings(after, repair)])
    if (JSON.stringify(after) !== JSON.stringify(memory)) await file.write(after)
    return true
  }

  /** What was read once still holds where it cannot be read now. */
  #settings({ topic, settings }: TopicLook & { readonly kind: 'known' }): readonly Finding[] {
    const found = settingFindings({
      topic: this.#config.topic,
      replicas: topic.replicas,
      settings,
      retentionMs: this.#config.createTopic.retentionMs,
    })
    if (settings.kind === 'read') this.#ofSettings = found
    return settings.kind === 'hidden' ? [...this.#ofSettings, ...found] : this.#ofSettings
  }

  async #ask(): Promise<TopicLook> {
    const client = new KafkaClient(connectionOptions(this.#config, this.#looks++))
    this.#client = client
    try {
      return await lookAtTopic(client, this.#config.topic)
    } finally {
      client.close()
    }
  }

  #absence({ unknown, message }: TopicLook & { readonly kind: 'absent' }): Finding[] {
    const { topic, createTopic } = this.#config
    if (unknown && createTopic.enabled) return []
    const [wrong = '', fix = ''] = message.replace(`the topic ${topic} `, '').split('; ')
    return [{ severity: 'error', code: 'topic-missing', subject: `topic ${topic}`, wrong, fix }]
  }

  /** Logs what is new and what is over. */
  #report(findings: readonly Finding[]): void {
    this.#findings = findings
    const { logger } = this.#deps
    const before = this.#logged
    this.#logged = new Map(findings.map((one) => [`${one.code} ${one.wrong}`, one]))
    for (const [key, { severity, code, subject, wrong, fix }] of this.#logged) {
      if (before.has(key)) continue
      const fields = { code, detail: `${subject} ${wrong}`, fix }
      if (severity === 'note') logger.info(fields, 'not everything about the topic is known')
      else logger.error(fields, 'the topic does not keep the guarantee of usage events')
    }
    for (const [key, { severity, code, subject }] of before) {
      if (this.#logged.has(key) || severity === 'note') continue
      logger.info({ code, subject }, 'the topic keeps the guarantee again in this point')
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return
    await sleep(ms, undefined, { signal: this.#pausing.signal }).catch(() => undefined)
  }
}
