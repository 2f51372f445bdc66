import type { Config } from '../config.ts'
import { nearest } from './nearest.ts'
import { environmentName, type NumberKey, OPTIONS, type OptionKey } from './options.ts'
import type { Problem } from './problem.ts'
import { brokenRules } from './rules.ts'
import { checkValue, formatValue, listOf } from './value.ts'
import { readYamlFile, type Written } from './yaml-file.ts'

/** Where a configuration comes from; a later source wins: defaults, file, environment, flags. */
export interface ConfigSources {
  /** The YAML file: its name (for messages) and its text. */
  readonly file?: { readonly name: string; readonly text: string } | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Texts given by flags, by key. */
  readonly flags?: Readonly<Partial<Record<OptionKey, string>>>
}

/** The value of one key, and who set it. */
interface Setting {
  readonly value: string | number
  /** The value as text, in its shortest spelling. */
  readonly text: string
  /** `default`, `snimeter.yaml:7`, `SNIMETER_STORE_PATH` or `--db`. */
  readonly where: string
}

export type Settings = ReadonlyMap<OptionKey, Setting>

/** A whole, valid configuration, or everything that is wrong with it. */
export type Loaded =
  | {
      readonly config: Config
      readonly settings: Settings
      /** Worth a line on stderr, nothing more. */
      readonly warnings: readonly string[]
    }
  | { readonly problems: readonly Problem[] }

/** Puts the sources together. Pure: reads no file and no environment of its own. */
export function loadConfig(sources: ConfigSources): Loaded {
  const env = sources.env ?? {}
  const file =
    sources.file === undefined
      ? { written: [], problems: [] }
      : readYamlFile(sources.file.name, sources.file.text, env)
  const problems: Problem[] = [...file.problems]
  const settings = new Map<OptionKey, Setting>()
  for (const option of OPTIONS) {
    const { where, text } = chosen(option, file.written, env, sources.flags ?? {})
    const checked = checkValue(option.type, text)
    if ('wrong' in checked) {
      const { wrong, fix } = checked
      const value = option.type.kind === 'secret' ? {} : { value: text }
      problems.push({ where, key: option.key, ...value, wrong, fix })
    } else {
      const { value } = checked
      settings.set(option.key, { value, text: formatValue(option.type, value), where })
    }
  }
  // A rule is checked where every value that it looks at is known: what is said of another would be nonsense.
  const unknown = problems.map(({ key }) => key)
  const isKnown = (key: OptionKey): boolean =>
    !unknown.some((other) => other === '' || key === other || key.startsWith(`${other}.`))
  for (const option of OPTIONS) {
    const { key, default: text } = option
    if (!settings.has(key)) settings.set(key, { ...valid(option), text, where: 'default' })
  }
  const config = configOf(settings)
  for (const { key, beside, wrong, fix } of brokenRules(config)) {
    if (![key, ...beside].every(isKnown)) continue
    const { text: value, where } = settings.get(key) as Setting
    problems.push(value === '' ? { where, key, wrong, fix } : { where, key, value, wrong, fix })
  }
  return problems.length > 0 ? { problems } : { config, settings, warnings: strangers(env) }
}

/** The default of a key, which is in its range (test/config/load.test.ts). */
function valid({ type, default: text }: (typeof OPTIONS)[number]): { value: string | number } {
  const checked = checkValue(type, text)
  if ('wrong' in checked) throw new Error('the defaults are not valid')
  return checked
}

/** The configuration when nothing is set. */
export function defaultConfig(): Config {
  const loaded = loadConfig({})
  if ('problems' in loaded) throw new Error('the defaults are not valid')
  return loaded.config
}

function chosen(
  option: (typeof OPTIONS)[number],
  written: readonly Written[],
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<OptionKey, string>>>,
): { where: string; text: string } {
  const flag = flags[option.key]
  if (flag !== undefined) {
    return { where: 'flag' in option ? option.flag : 'flag', text: flag }
  }
  const name = environmentName(option.key)
  const variable = env[name]
  if (variable !== undefined) return { where: name, text: variable }
  const inFile = written.find(({ key }) => key === option.key)
  return inFile ?? { where: 'default', text: option.default }
}

/** What Kubernetes sets by itself when a Service is called snimeter (or snimeter-…). */
const SERVICE_LINK = /^SNIMETER_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$/

/** Variables that look like ours but are none: a typo would go unnoticed otherwise. */
function strangers(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(['SNIMETER_CONFIG', ...OPTIONS.map(({ key }) => environmentName(key))])
  return Object.keys(env)
    .filter((name) => name.startsWith('SNIMETER_') && !known.has(name) && !SERVICE_LINK.test(name))
    .map((name) => {
      const near = nearest(name, [...known])
      return `the variable ${name} sets nothing${near === undefined ? '' : `; did you mean ${near}?`}`
    })
}

/** Written out, so that the compiler finds a key that is missing here or in the table. */
function configOf(settings: Settings): Config {
  const text = (key: Exclude<OptionKey, NumberKey>): string => String(settings.get(key)?.value)
  const flag = (key: Exclude<OptionKey, NumberKey>): boolean => text(key) === 'true'
  const list = (key: Exclude<OptionKey, NumberKey>): readonly string[] => listOf(text(key))
  const number = (key: NumberKey): number => Number(settings.get(key)?.value)
  return {
    als: {
      listen: text('als.listen'),
      maxMessageBytes: number('als.max_message_size'),
      maxConnections: number('als.max_connections'),
      maxStreams: number('als.max_streams'),
      readBudgetBytes: number('als.read_budget'),
      messageTimeoutMs: number('als.message_timeout'),
      tls: {
        certFile: text('als.tls.cert_file'),
        keyFile: text('als.tls.key_file'),
        clientCaFile: text('als.tls.client_ca_file'),
      },
      maxStreamAgeMs: number('als.max_stream_age'),
    },
    http: {
      listen: text('http.listen'),
      allowedHosts: list('http.allowed_hosts'),
      queryTimeoutMs: number('http.query_timeout'),
      connectionIds: flag('http.connection_ids'),
    },
    store: {
      path: text('store.path'),
      commitIntervalMs: number('store.commit_interval'),
      retention: {
        minutesMs: number('store.retention.minutes'),
        hoursMs: number('store.retention.hours'),
        podsMs: number('store.retention.pods'),
        connectionsMs: number('store.retention.connections'),
        maxConnections: number('store.max_connections'),
        maxConnectionBytes: number('store.max_connection_bytes'),
      },
    },
    rollup: {
      windowSeconds: number('rollup.window') / 1000,
      graceMs: number('rollup.grace'),
      pendingRows: number('rollup.pending_rows'),
      names: {
        perWorkloadPerDay: number('rollup.names.per_workload_per_day'),
        perDay: number('rollup.names.per_day'),
      },
      pods: { perHour: number('rollup.pods.per_hour') },
    },
    ledger: {
      maxConnections: number('ledger.max_connections'),
      maxRequests: number('ledger.max_requests'),
      flushIntervalMs: number('ledger.flush_interval'),
    },
    memory: { shedAboveBytes: number('memory.shed_above') },
    record: {
      directory: text('record.directory'),
      maxFileBytes: number('record.max_file_size'),
      maxFiles: number('record.max_files'),
    },
    instance: text('instance'),
    outbox: {
      maxEvents: number('outbox.max_events'),
      maxParked: number('outbox.max_parked'),
    },
    kafka: {
      brokers: list('kafka.brokers'),
      name: text('kafka.name'),
      topic: text('kafka.topic'),
      hoursTopic: text('kafka.hours_topic'),
      mode: text('kafka.mode') as Config['kafka']['mode'],
      clientId: text('kafka.client_id'),
      compression: text('kafka.compression') as Config['kafka']['compression'],
      batchEvents: number('kafka.batch_events'),
      connectTimeoutMs: number('kafka.connect_timeout'),
      requestTimeoutMs: number('kafka.request_timeout'),
      tls: {
        enabled: flag('kafka.tls.enabled'),
        caFile: text('kafka.tls.ca_file'),
        certFile: text('kafka.tls.cert_file'),
        keyFile: text('kafka.tls.key_file'),
      },
      sasl: {
        mechanism: text('kafka.sasl.mechanism') as Config['kafka']['sasl']['mechanism'],
        username: text('kafka.sasl.username'),
        password: text('kafka.sasl.password'),
        passwordFile: text('kafka.sasl.password_file'),
      },
      createTopic: {
        enabled: flag('kafka.create_topic.enabled'),
        partitions: number('kafka.create_topic.partitions'),
        replicationFactor: number('kafka.create_topic.replication_factor'),
        retentionMs: number('kafka.create_topic.retention'),
      },
    },
    files: {
      directory: text('files.directory'),
      name: text('files.name'),
      hours: flag('files.hours'),
      maxFileBytes: number('files.max_file_size'),
      maxAgeMs: number('files.max_age'),
      maxFiles: number('files.max_files'),
    },
    gateways: {
      billAt: text('gateways.bill_at') as Config['gateways']['billAt'],
      hosts: list('gateways.hosts'),
    },
    shutdown: {
      propagationDelayMs: number('shutdown.propagation_delay'),
      deadlineMs: number('shutdown.deadline'),
    },
    log: {
      level: text('log.level') as Config['log']['level'],
      format: text('log.format') as Config['log']['format'],
    },
  }
}
