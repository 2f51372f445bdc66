import type { Config } from '../config.ts'
import { formatDuration } from './duration.ts'
import type { OptionKey } from './options.ts'

/** A rule between keys (or of one value beyond its range) that is broken; told at `key`. */
export interface BrokenRule {
  readonly key: OptionKey
  /** The other keys that it looks at. Where the value of one is not known, the rule may not be broken. */
  readonly beside: readonly OptionKey[]
  readonly wrong: string
  readonly fix: string
}

/** Every broken rule of a configuration, in which a value that is not known has its default. */
export function brokenRules(config: Config): readonly BrokenRule[] {
  return [
    ...windowRules(config),
    ...ageRules(config),
    ...tlsRules(config.als.tls),
    ...addressRules(config),
    ...nameRules(config.rollup.names),
    ...kafkaRules(config.kafka),
    ...sinkRules(config),
    ...gatewayRules(config.gateways),
  ]
}

const HOUR_SECONDS = 3600

function windowRules({ rollup, ledger }: Config): BrokenRule[] {
  const broken: BrokenRule[] = []
  const { windowSeconds, graceMs } = rollup
  // Compaction folds windows into hours, so a window may not straddle the edge of an hour.
  const fits =
    Number.isInteger(windowSeconds) &&
    (windowSeconds <= HOUR_SECONDS
      ? HOUR_SECONDS % windowSeconds === 0
      : windowSeconds % HOUR_SECONDS === 0 && (24 * HOUR_SECONDS) % windowSeconds === 0)
  if (!fits) {
    broken.push({
      key: 'rollup.window',
      beside: [],
      wrong: 'is neither whole seconds that divide an hour nor whole hours that divide a day',
      fix: 'use one like 10s, 1m, 5m, 1h or 1d',
    })
  }
  // An open connection reports once per flush interval: closed before, every window would change again.
  if (graceMs <= ledger.flushIntervalMs) {
    const flush = formatDuration(ledger.flushIntervalMs)
    broken.push({
      key: 'rollup.grace',
      beside: ['ledger.flush_interval'],
      wrong: `is not longer than ledger.flush_interval (${flush})`,
      fix: `use more than ${flush}, like ${formatDuration(4 * ledger.flushIntervalMs)}`,
    })
  }
  return broken
}

function ageRules({ store, rollup, ledger }: Config): BrokenRule[] {
  const broken: BrokenRule[] = []
  const atLeast = (
    key: OptionKey,
    ms: number,
    leastMs: number,
    what: string,
    beside: readonly OptionKey[],
  ) => {
    if (ms >= leastMs) return
    const least = formatDuration(leastMs)
    broken.push({
      key,
      beside,
      wrong: `is shorter than ${what} (${least})`,
      fix: `use at least ${least}`,
    })
  }
  const { minutesMs, hoursMs, connectionsMs } = store.retention
  // A window that is compacted before it closes would turn ordinary samples into late ones.
  const closedMs = rollup.windowSeconds * 1000 + rollup.graceMs
  atLeast(
    'store.retention.minutes',
    minutesMs,
    closedMs,
    'rollup.window and rollup.grace together',
    ['rollup.window', 'rollup.grace'],
  )
  atLeast('store.retention.hours', hoursMs, minutesMs, 'store.retention.minutes', [
    'store.retention.minutes',
  ])
  // A connection must not be forgotten before it can be orphaned (three silent flush intervals).
  const orphanedMs = 4 * ledger.flushIntervalMs
  atLeast('store.retention.connections', connectionsMs, orphanedMs, 'four ledger.flush_interval', [
    'ledger.flush_interval',
  ])
  return broken
}

const lacks = (key: OptionKey, wrong: string): BrokenRule => ({
  key,
  beside: ['als.tls.cert_file', 'als.tls.key_file'],
  wrong,
  fix: 'set als.tls.cert_file and als.tls.key_file together, or neither',
})

function tlsRules({ certFile, keyFile, clientCaFile }: Config['als']['tls']): BrokenRule[] {
  if (certFile !== '' && keyFile === '')
    return [lacks('als.tls.key_file', 'has no value, but a certificate is set')]
  if (certFile === '' && keyFile !== '')
    return [lacks('als.tls.cert_file', 'has no value, but a key is set')]
  if (certFile === '' && clientCaFile !== '') {
    return [lacks('als.tls.client_ca_file', 'is set, but the receiver has no certificate')]
  }
  return []
}

function addressRules({ als, http }: Config): BrokenRule[] {
  if (als.listen !== http.listen || als.listen.endsWith(':0')) return []
  return [
    {
      key: 'http.listen',
      beside: ['als.listen'],
      wrong: 'is the address of als.listen',
      fix: 'use another port, like 127.0.0.1:9002',
    },
  ]
}

function nameRules(names: Config['rollup']['names']): BrokenRule[] {
  if (names.perWorkloadPerDay <= names.perDay) return []
  return [
    {
      key: 'rollup.names.per_workload_per_day',
      beside: ['rollup.names.per_day'],
      wrong: `is more than rollup.names.per_day (${names.perDay})`,
      fix: `use at most ${names.perDay}, or raise rollup.names.per_day`,
    },
  ]
}

/** What a sink has got belongs to its name. */
function sinkRules({ kafka, files }: Config): BrokenRule[] {
  const both = kafka.brokers.length > 0 && files.directory !== ''
  if (!both || kafka.name !== files.name) return []
  return [
    {
      key: 'files.name',
      beside: ['files.directory', 'kafka.brokers', 'kafka.name'],
      wrong: 'is the name of the Kafka sink',
      fix: 'use another one',
    },
  ]
}

function gatewayRules({ billAt, hosts }: Config['gateways']): BrokenRule[] {
  if (billAt === 'sidecar' || hosts.length > 0) return []
  return [
    {
      key: 'gateways.hosts',
      beside: ['gateways.bill_at'],
      wrong: 'has no value, but gateways.bill_at is gateway: sidecars would be billed as well',
      fix: 'list the hosts of your egress gateways, like istio-egressgateway.istio-system.svc.cluster.local',
    },
  ]
}

const TLS_KEYS = ['enabled', 'ca_file', 'cert_file', 'key_file'].map(
  (name) => `kafka.tls.${name}` as OptionKey,
)
const SASL_KEYS = ['mechanism', 'username', 'password', 'password_file'].map(
  (name) => `kafka.sasl.${name}` as OptionKey,
)

/** Checked without brokers too: a half-written section is reported before it is turned on. */
function kafkaRules({ tls, sasl, topic, hoursTopic }: Config['kafka']): BrokenRule[] {
  const broken: BrokenRule[] = []
  let beside: readonly OptionKey[] = ['kafka.topic']
  const rule = (isBroken: boolean, key: OptionKey, wrong: string, fix: string) => {
    if (isBroken) broken.push({ key, beside, wrong, fix })
  }
  rule(
    hoursTopic === topic,
    'kafka.hours_topic',
    'is the topic of the usage events',
    'use a topic of its own, like snimeter.hours.v1',
  )
  beside = TLS_KEYS
  const together = 'set kafka.tls.cert_file and kafka.tls.key_file together, or neither'
  const { certFile, keyFile, caFile } = tls
  rule(
    certFile !== '' && keyFile === '',
    'kafka.tls.key_file',
    'has no value, but a certificate is set',
    together,
  )
  rule(
    certFile === '' && keyFile !== '',
    'kafka.tls.cert_file',
    'has no value, but a key is set',
    together,
  )
  const unused = !tls.enabled && (caFile !== '' || certFile !== '' || keyFile !== '')
  rule(
    unused,
    'kafka.tls.enabled',
    'is false, but certificates are set',
    'set true, or leave out kafka.tls.*_file',
  )

  beside = SASL_KEYS
  const { mechanism, username, password, passwordFile } = sasl
  const twice = password !== '' && passwordFile !== ''
  rule(twice, 'kafka.sasl.password_file', 'is set beside kafka.sasl.password', 'set one of the two')
  const named = username !== '' || password !== '' || passwordFile !== ''
  if (mechanism === 'none') {
    rule(
      named,
      'kafka.sasl.mechanism',
      'is none, but a user name or a password is set',
      'set the mechanism that the listener offers, or leave out kafka.sasl',
    )
    return broken
  }
  rule(
    username === '',
    'kafka.sasl.username',
    `has no value, but the mechanism is ${mechanism}`,
    'set the user name',
  )
  const secret = password !== '' || passwordFile !== ''
  rule(
    !secret,
    'kafka.sasl.password_file',
    `has no value, nor has kafka.sasl.password, but the mechanism is ${mechanism}`,
    'set one of the two',
  )
  // PLAIN without TLS is no error: in a mesh the sidecars encrypt this hop. `check-config --connect` notes it.
  return broken
}
