/** How the text of a value is read, and what it may be. Ranges are inclusive. */
export type OptionType =
  | { readonly kind: 'address' }
  | { readonly kind: 'path'; readonly optional: boolean }
  | {
      readonly kind: 'duration'
      readonly minMs: number
      readonly maxMs: number
      /** True where 0 is allowed below the range and means "off". */
      readonly zero: boolean
    }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number }
  | { readonly kind: 'count'; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'flag' }
  /** One line of text; `pattern` says what it may be, in words in `form`. */
  | {
      readonly kind: 'text'
      readonly optional: boolean
      readonly pattern?: RegExp
      readonly form?: string
    }
  /** Texts, written as a YAML list or separated by commas. */
  | {
      readonly kind: 'list'
      readonly pattern?: RegExp
      readonly form: string
    }
  /** A text that is never printed. */
  | { readonly kind: 'secret' }

/** One key of the configuration: everything that parsing, printing and the documentation say of it. */
export interface Option {
  /** Dotted path in the file; the environment variable's name is derived from it. */
  readonly key: string
  readonly type: OptionType
  /** As it would be written in the file, in its shortest spelling. */
  readonly default: string
  /** The flag of `serve` that sets it, if there is one. */
  readonly flag?: string
  readonly meaning: string
  readonly change: string
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KIB = 2 ** 10
const MIB = 2 ** 20
const GIB = 2 ** 30

const duration = (
  minMs: number,
  maxMs: number,
  zero = false,
): OptionType & { readonly kind: 'duration' } => ({ kind: 'duration', minMs, maxMs, zero })

const size = (minBytes: number, maxBytes: number): OptionType & { readonly kind: 'size' } => ({
  kind: 'size',
  minBytes,
  maxBytes,
})

const count = (min: number, max: number): OptionType & { readonly kind: 'count' } => ({
  kind: 'count',
  min,
  max,
})

const address: OptionType & { readonly kind: 'address' } = { kind: 'address' }
const optionalPath: OptionType & { readonly kind: 'path' } = { kind: 'path', optional: true }

const flag: OptionType & { readonly kind: 'flag' } = { kind: 'flag' }
const secret: OptionType & { readonly kind: 'secret' } = { kind: 'secret' }

const text = (
  optional: boolean,
  pattern?: RegExp,
  form?: string,
): OptionType & { readonly kind: 'text' } => ({
  kind: 'text',
  optional,
  ...(pattern === undefined ? {} : { pattern }),
  ...(form === undefined ? {} : { form }),
})

/** Names of sinks and instances: they are hashed into the ids of events and read by people. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/
const NAME_FORM = '1 to 63 lower-case letters, digits, dots, hyphens and underscores'

/**
 * Every key, once, in the order in which it is printed. Defaults, parsing, environment names,
 * `print-config` and the tables of docs/configuration.md come from here and nowhere else.
 */
export const OPTIONS = [
  {
    key: 'als.listen',
    type: address,
    default: '127.0.0.1:9001',
    flag: '--als-listen',
    meaning: 'Where Envoys send their access log (gRPC).',
    change: 'Set `0.0.0.0:9001` (or `[::]:9001`) in a container; port 0 takes any free port.',
  },
  {
    key: 'als.max_message_size',
    type: size(64 * KIB, GIB),
    default: '256MiB',
    meaning: 'Largest gRPC message that is read; a larger one ends its stream.',
    change:
      'Leave it: after an outage Envoy sends its whole backlog as one message. It is handled as it arrives and takes no memory of this size.',
  },
  {
    key: 'als.max_connections',
    type: count(10, 1_000_000),
    default: '20000',
    meaning:
      'Connections that are taken at a time; less where the limit of open files leaves less. The address that holds most is refused first.',
    change:
      'Raise it, with memory (about 70 KB each), above the number of your Envoys times their worker threads.',
  },
  {
    key: 'als.max_streams',
    type: count(10, 1_000_000),
    default: '20000',
    meaning:
      'Calls that are open at a time, on all connections; the sender that holds most is refused first.',
    change: 'Raise it as `als.max_connections`: behind a sidecar many streams share a connection.',
  },
  {
    key: 'als.read_budget',
    type: size(16 * MIB, 64 * GIB),
    default: '128MiB',
    meaning:
      'Bytes of entries above 64 KiB and of compressed messages that may be read and not yet handled, shared out by sender; above it they are not read.',
    change:
      'Leave it: messages are handled entry by entry as they arrive, and count with 64 KiB at most.',
  },
  {
    key: 'als.message_timeout',
    type: duration(SECOND, HOUR),
    default: '1m',
    meaning:
      'Longest time without progress (16 KiB) inside of a message, until the first message of a stream, and until a connection begins HTTP/2.',
    change: 'Raise it for links slower than 300 bytes a second.',
  },
  {
    key: 'als.tls.cert_file',
    type: optionalPath,
    default: '',
    meaning: 'PEM certificate chain of the receiver; empty means plain text.',
    change: 'Set together with `als.tls.key_file` where the mesh does not encrypt this hop.',
  },
  {
    key: 'als.tls.key_file',
    type: optionalPath,
    default: '',
    meaning: 'PEM private key of the certificate.',
    change: 'Set together with `als.tls.cert_file`.',
  },
  {
    key: 'als.tls.client_ca_file',
    type: optionalPath,
    default: '',
    meaning:
      'PEM bundle that client certificates must chain to; empty asks for no client certificate.',
    change: 'Set it to accept only Envoys that have a certificate of your CA (mTLS).',
  },
  {
    key: 'als.max_stream_age',
    // Timers take 2^31 ms at most, 24.8 days.
    type: duration(10 * SECOND, 24 * DAY, true),
    default: '0s',
    meaning: 'Age at which a stream is ended gracefully so that Envoy connects anew; 0 is never.',
    change: 'Leave it off with one receiver: ending streams moves nothing and only costs.',
  },
  {
    key: 'http.listen',
    type: address,
    default: '127.0.0.1:9002',
    flag: '--http-listen',
    meaning: 'Where health, metrics and the API are served (HTTP).',
    change: 'Set `0.0.0.0:9002` in a container so that probes and Prometheus reach it.',
  },
  {
    key: 'http.allowed_hosts',
    type: {
      kind: 'list',
      pattern: /^(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)$/,
      form: 'a host name without a port, *.example.com, or * for every name',
    },
    default: '',
    meaning:
      'Names by which requests may reach the API and metrics, beside IP addresses and names inside the cluster or network.',
    change:
      'List the name of an Ingress or a DNS record of yours; others are refused (421), against DNS rebinding.',
  },
  {
    key: 'http.query_timeout',
    type: duration(SECOND, 10 * MINUTE),
    default: '2m',
    meaning: 'Longest time that a query of the API may take; its process is ended then.',
    change: 'Raise it for years of a large mesh on a slow disk.',
  },
  {
    key: 'http.connection_ids',
    type: flag,
    default: 'false',
    meaning:
      'Whether the API lists the ids of connections. The file always has them. Who knows the id of a living connection could send samples for it.',
    change: 'Set `true` where only people who may read the file reach the HTTP port.',
  },
  {
    key: 'store.path',
    type: { kind: 'path', optional: false },
    default: './data/snimeter.db',
    flag: '--db',
    meaning: 'The SQLite file; its folder is made if it does not exist. One writer per file.',
    change: 'Point it to a persistent local disk; SQLite locks do not work on most network disks.',
  },
  {
    key: 'store.commit_interval',
    type: duration(100, MINUTE),
    default: '1s',
    meaning: 'Time between two commits: what a crash can lose of Ends and requests.',
    change: 'Raise it on a disk with slow syncs; lower it to see numbers sooner.',
  },
  {
    key: 'store.retention.minutes',
    type: duration(HOUR, 400 * DAY),
    default: '3d',
    meaning: 'Age at which rows of one window are compacted into hours. Totals never change by it.',
    change: 'Raise it to look at single minutes further back; the file grows with it.',
  },
  {
    key: 'store.retention.hours',
    type: duration(DAY, 3660 * DAY),
    default: '400d',
    meaning: 'Age at which hour rows are deleted. Lifetime totals are kept.',
    change: 'Raise it to compare years; lower it to bound the file.',
  },
  {
    key: 'store.retention.pods',
    type: duration(HOUR, 3660 * DAY),
    default: '31d',
    meaning:
      'Age at which hours of usage per pod are deleted. Usage per workload does not change by it.',
    change:
      'Raise it to look for single pods further back: about 40 bytes for each hour of a pod and name.',
  },
  {
    key: 'store.retention.connections',
    type: duration(HOUR, 400 * DAY),
    default: '7d',
    meaning: 'How long a connection stays in the file after it last spoke.',
    change: 'Raise it to replay older captures: what is forgotten can no longer be recognised.',
  },
  {
    key: 'store.max_connections',
    type: count(1000, 1_000_000_000),
    default: '20000000',
    meaning:
      'Connections that have ended or fallen silent in the file; beyond it those that reported longest ago leave before their time.',
    change:
      'Raise it with the disk: a connection that has left is not recognised, and a copy of its end counts again.',
  },
  {
    key: 'store.max_connection_bytes',
    type: size(MIB, 1024 * GIB),
    default: '5GiB',
    meaning:
      'The same bound in bytes of the file, at 256 bytes a connection; the smaller one holds.',
    change: 'Set it to about half of the volume.',
  },
  {
    key: 'rollup.window',
    type: duration(SECOND, DAY),
    default: '1m',
    flag: '--window',
    meaning:
      'Length of a usage window: whole seconds that divide an hour, or whole hours that divide a day.',
    change: 'Raise it for fewer rows. Another length takes effect at the next UTC midnight.',
  },
  {
    key: 'rollup.grace',
    type: duration(SECOND, DAY),
    default: '2m',
    meaning: 'Time after its end at which a window closes; longer than `ledger.flush_interval`.',
    change: 'Raise it together with the flush interval of your Envoys.',
  },
  {
    key: 'rollup.pending_rows',
    type: count(1000, 100_000_000),
    default: '500000',
    meaning:
      'Usage rows that may wait for a commit; beyond it bytes join the newest waiting row of their pod and name.',
    change: 'Raise it if memory allows and the disk is often away for long.',
  },
  {
    key: 'rollup.names.per_workload_per_day',
    type: count(1, 100_000_000),
    default: '10000',
    meaning: 'Distinct names per workload and UTC day; bytes beyond it go to `__other__`.',
    change: 'Raise it for workloads that really talk to more names (crawlers).',
  },
  {
    key: 'rollup.names.per_day',
    type: count(1, 100_000_000),
    default: '100000',
    meaning: 'Distinct names of all workloads per UTC day; bytes beyond it go to `__other__`.',
    change: 'Raise it for large meshes; each name costs memory and rows.',
  },
  {
    key: 'rollup.pods.per_hour',
    type: count(0, 100_000_000),
    default: '200000',
    meaning:
      'New pairs of pod and name per UTC hour; bytes beyond it go to the pod `__other__` of their workload.',
    change: 'Raise it for large meshes; each pair is a row of an hour. 0: no pods, only workloads.',
  },
  {
    key: 'ledger.max_connections',
    type: count(1000, 100_000_000),
    default: '1000000',
    meaning:
      'Connections held in memory. One without room is counted at its end, under `__other__`.',
    change: 'Raise it above the number of connections that are open at once in your mesh.',
  },
  {
    key: 'ledger.max_requests',
    type: count(1000, 100_000_000),
    default: '200000',
    meaning: 'Recent HTTP requests held in memory to recognise duplicates.',
    change: 'Raise it with HTTP loggers at thousands of requests a second.',
  },
  {
    key: 'ledger.flush_interval',
    type: duration(SECOND, HOUR),
    default: '30s',
    meaning:
      'How often your Envoys report an open connection (`access_log_flush_interval`). Silent for three of these, at least 5 minutes, a connection is orphaned.',
    change: 'Set it to what the mesh is configured with.',
  },
  {
    key: 'memory.shed_above',
    type: size(128 * MIB, 1024 * GIB),
    default: '1536MiB',
    meaning: 'Memory in use above which periodic entries are dropped (later ones heal them).',
    change: 'Set it to about three quarters of the container limit.',
  },
  {
    key: 'record.directory',
    type: optionalPath,
    default: '',
    flag: '--record',
    meaning:
      'Folder in which every received message is recorded (`.alscap`); empty records nothing.',
    change: 'Set it to be able to explain a number later by replay.',
  },
  {
    key: 'record.max_file_size',
    type: size(64 * KIB, 64 * GIB),
    default: '64MiB',
    meaning: 'Size at which the next capture file is begun.',
    change: 'Raise it for fewer files.',
  },
  {
    key: 'record.max_files',
    type: count(1, 100_000),
    default: '16',
    meaning: 'Capture files that are kept; the oldest is deleted beyond it.',
    change: 'Raise it to look further back; the disk needs this times `record.max_file_size`.',
  },
  {
    key: 'instance',
    type: text(false, NAME, NAME_FORM),
    default: 'snimeter',
    meaning:
      'Name of this logical instance: the `source` of its events, stored with the first sink.',
    change: 'Set it once, before the first sink, if several meshes publish to one topic.',
  },
  {
    key: 'outbox.max_events',
    type: count(100, 10_000_000),
    default: '20000',
    meaning:
      'Frozen events that may wait for an acknowledgement, per sink; beyond it changes of a row gather into one.',
    change: 'Raise it for a faster drain after a long outage; the file grows with it.',
  },
  {
    key: 'outbox.max_parked',
    type: count(100, 10_000_000),
    default: '20000',
    meaning:
      'Refused events that are set aside, per sink, before the sink waits for somebody to act.',
    change: 'Raise it if single events are refused often.',
  },
  {
    key: 'kafka.brokers',
    type: {
      kind: 'list',
      pattern: /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:,[\]]+):\d{1,5}$/,
      form: 'host:port',
    },
    default: '',
    meaning: 'Bootstrap brokers, `host:port`; empty turns the Kafka sink off.',
    change: 'List two or three, so that a start needs not one of them.',
  },
  {
    key: 'kafka.name',
    type: text(false, NAME, NAME_FORM),
    default: 'kafka',
    meaning: 'Name of this sink: its revisions, outbox and position belong to it, and ids hold it.',
    change:
      'Change it to begin anew elsewhere (another cluster or topic); the old one must be forgotten.',
  },
  {
    key: 'kafka.topic',
    type: text(
      false,
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
      'letters, digits, dots, hyphens, underscores; at most 249',
    ),
    default: 'snimeter.usage.v1',
    meaning: 'Topic of the usage events.',
    change: 'Set what your naming rules ask for.',
  },
  {
    key: 'kafka.hours_topic',
    type: text(
      true,
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
      'letters, digits, dots, hyphens, underscores; at most 249',
    ),
    default: '',
    meaning:
      'Topic of the marks of closed hours, another one than `kafka.topic`; empty turns them off.',
    change: 'Set it (`snimeter.hours.v1`) when a billing run has to know that an hour is complete.',
  },
  {
    key: 'kafka.mode',
    type: { kind: 'choice', choices: ['structured', 'binary'] },
    default: 'structured',
    meaning:
      'CloudEvents content mode: the whole event as JSON, or data as JSON and `ce_` headers.',
    change: 'Set `binary` for consumers that route by headers.',
  },
  {
    key: 'kafka.client_id',
    type: text(false),
    default: 'snimeter',
    meaning: 'Client id that brokers see in logs and quotas.',
    change: 'Set it where quotas are by client id.',
  },
  {
    key: 'kafka.compression',
    type: { kind: 'choice', choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'] },
    default: 'zstd',
    meaning: 'Compression of batches.',
    change:
      'Set `gzip` for brokers before 2.1 and for consumers without zstd (KafkaJS); it costs twice the CPU.',
  },
  {
    key: 'kafka.batch_events',
    type: count(1, 10_000),
    default: '500',
    meaning: 'Most events of one send.',
    change: 'Lower it if brokers refuse large batches.',
  },
  {
    key: 'kafka.connect_timeout',
    type: duration(100, 5 * MINUTE),
    default: '5s',
    meaning: 'Longest time to connect and authenticate.',
    change: 'Raise it over slow links.',
  },
  {
    key: 'kafka.request_timeout',
    type: duration(100, 10 * MINUTE),
    default: '15s',
    meaning: 'Longest time until brokers acknowledge a send; then it is sent again.',
    change: 'Raise it for brokers that are slow to replicate.',
  },
  {
    key: 'kafka.tls.enabled',
    type: flag,
    default: 'false',
    meaning: 'Whether connections to brokers use TLS.',
    change: 'Set `true` for TLS listeners; the system CAs are trusted unless `ca_file` is set.',
  },
  {
    key: 'kafka.tls.ca_file',
    type: optionalPath,
    default: '',
    meaning: 'PEM bundle that broker certificates must chain to; empty means the system CAs.',
    change: 'Set it for a private CA.',
  },
  {
    key: 'kafka.tls.cert_file',
    type: optionalPath,
    default: '',
    meaning: 'PEM client certificate (mutual TLS).',
    change: 'Set together with `kafka.tls.key_file`.',
  },
  {
    key: 'kafka.tls.key_file',
    type: optionalPath,
    default: '',
    meaning: 'PEM private key of the client certificate.',
    change: 'Set together with `kafka.tls.cert_file`.',
  },
  {
    key: 'kafka.sasl.mechanism',
    type: { kind: 'choice', choices: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'] },
    default: 'none',
    meaning: 'How to authenticate with a name and a password.',
    change: 'Set what the listener offers; `plain` only where TLS or the mesh encrypts this hop.',
  },
  {
    key: 'kafka.sasl.username',
    type: text(true),
    default: '',
    meaning: 'User name for SASL.',
    change: 'Set together with a password.',
  },
  {
    key: 'kafka.sasl.password',
    type: secret,
    default: '',
    meaning: 'Password for SASL; never printed.',
    change: 'Better `${env:NAME}` or `kafka.sasl.password_file` than the text itself.',
  },
  {
    key: 'kafka.sasl.password_file',
    type: optionalPath,
    default: '',
    meaning: 'File that holds the password (a last line break is left out).',
    change: 'Set it to a mounted secret, instead of `kafka.sasl.password`.',
  },
  {
    key: 'kafka.create_topic.enabled',
    type: flag,
    default: 'false',
    meaning: 'Whether a topic that does not exist is made at start.',
    change: 'Set `true` where nobody else makes topics.',
  },
  {
    key: 'kafka.create_topic.partitions',
    type: count(1, 10_000),
    default: '12',
    meaning:
      'Partitions of a topic that is made. Changing them later breaks the order per workload.',
    change: 'Set as many as consumers may ever read in parallel.',
  },
  {
    key: 'kafka.create_topic.replication_factor',
    type: count(1, 100),
    default: '3',
    meaning: 'Replicas of a topic that is made; above 1, one less of them must be in sync.',
    change: 'Set 1 for a single broker.',
  },
  {
    key: 'kafka.create_topic.retention',
    type: duration(HOUR, 3660 * DAY),
    default: '40d',
    meaning: 'How long a topic that is made keeps events.',
    change: 'Keep it above the longest time in which a bill may be corrected.',
  },
  {
    key: 'files.directory',
    type: optionalPath,
    default: '',
    meaning:
      'Folder for usage events as newline-delimited JSON, for this instance alone; empty turns the file sink off.',
    change: 'Set it to fan out without Kafka.',
  },
  {
    key: 'files.name',
    type: text(false, NAME, NAME_FORM),
    default: 'files',
    meaning: 'Name of this sink (see `kafka.name`).',
    change: 'Change it to begin anew in another folder.',
  },
  {
    key: 'files.hours',
    type: flag,
    default: 'false',
    meaning: 'Whether closed hours are marked, in files of their own in the folder `hours`.',
    change: 'Turn it on when a billing run has to know that an hour is complete.',
  },
  {
    key: 'files.max_file_size',
    type: size(64 * KIB, 64 * GIB),
    default: '64MiB',
    meaning: 'Size at which the next file is begun.',
    change: 'Raise it for fewer files.',
  },
  {
    key: 'files.max_age',
    type: duration(SECOND, 7 * DAY),
    default: '1h',
    meaning: 'Age at which the next file is begun: how long a reader waits for a finished file.',
    change: 'Lower it for sooner pick-up.',
  },
  {
    key: 'files.max_files',
    type: count(2, 1_000_000),
    default: '1000',
    meaning:
      'Finished files that may lie in the folder; beyond it events wait in the outbox: none is deleted.',
    change: 'Raise it, or collect and delete files more often.',
  },
  {
    key: 'gateways.bill_at',
    type: { kind: 'choice', choices: ['sidecar', 'gateway'] },
    default: 'sidecar',
    meaning:
      'Where a byte that passes a sidecar and an egress gateway is billed; the other hop goes into coverage.',
    change:
      'Set `gateway` where sidecars do not report, and list the gateways in `gateways.hosts`.',
  },
  {
    key: 'gateways.hosts',
    type: {
      kind: 'list',
      pattern: /^(?:[A-Za-z0-9_-]{1,63}\.){2,}[A-Za-z0-9_-]{1,63}\.?$/,
      form: 'a full host name (name.namespace.svc.cluster.local), without a port',
    },
    default: '',
    meaning:
      'Hosts of egress gateways, as in a cluster name (`istio-egressgateway.istio-system.svc.cluster.local`).',
    change: 'Needed with `gateways.bill_at: gateway`: entries of sidecars to these hosts are hops.',
  },
  {
    key: 'shutdown.propagation_delay',
    type: duration(0, 10 * MINUTE, true),
    default: '0s',
    meaning: 'Time between turning unready and closing the listener at shutdown.',
    change:
      'Set 5 to 10 s in Kubernetes, so that endpoints forget the pod before it stops listening.',
  },
  {
    key: 'shutdown.deadline',
    type: duration(SECOND, HOUR),
    default: '20s',
    meaning:
      'Longest time to drain and commit at shutdown; then exit 1 with what was not committed.',
    change: 'Keep it, with the propagation delay, below `terminationGracePeriodSeconds`.',
  },
  {
    key: 'log.level',
    type: { kind: 'choice', choices: ['debug', 'info', 'warn', 'error'] },
    default: 'info',
    flag: '--log-level',
    meaning: 'Least important kind of log line that is written to stderr.',
    change: 'Set `debug` while looking for a fault.',
  },
  {
    key: 'log.format',
    type: { kind: 'choice', choices: ['auto', 'json', 'pretty'] },
    default: 'auto',
    flag: '--log-format',
    meaning: 'Form of the log lines; `auto` is `pretty` on a terminal and `json` elsewhere.',
    change: 'Set `json` where a collector parses a terminal-like stream.',
  },
] as const satisfies readonly Option[]

type Known = (typeof OPTIONS)[number]

/** Dotted path of a key that exists. */
export type OptionKey = Known['key']

/** Keys whose value is a number (milliseconds, bytes or a count); the others are texts. */
export type NumberKey = Extract<
  Known,
  { type: { readonly kind: 'duration' | 'size' | 'count' } }
>['key']

/** The environment variable of a key: `store.retention.minutes` is `SNIMETER_STORE_RETENTION_MINUTES`. */
export function environmentName(key: string): string {
  return `SNIMETER_${key.toUpperCase().replaceAll('.', '_')}`
}
