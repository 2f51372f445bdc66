import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConfigSources, defaultConfig, loadConfig } from '../../src/config/load.ts'
import { environmentName, OPTIONS } from '../../src/config/options.ts'
import { printConfig } from '../../src/config/print.ts'
import { formatProblem, type Problem } from '../../src/config/problem.ts'
import type { Config } from '../../src/config.ts'

function load(sources: ConfigSources): Config {
  const loaded = loadConfig(sources)
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}

function problems(sources: ConfigSources): string[] {
  const loaded = loadConfig(sources)
  return 'problems' in loaded ? loaded.problems.map(formatProblem) : []
}

const yaml = (text: string): ConfigSources => ({ file: { name: 'a.yaml', text } })

test('the defaults are valid, written in their shortest spelling, and say what the design says', () => {
  const loaded = loadConfig({})
  assert.ok('config' in loaded)
  for (const { key, default: written } of OPTIONS) {
    assert.equal(loaded.settings.get(key)?.text, written, key)
    assert.equal(loaded.settings.get(key)?.where, 'default')
  }
  assert.deepEqual(loaded.config, {
    als: {
      listen: '127.0.0.1:9001',
      maxMessageBytes: 268_435_456,
      maxConnections: 20_000,
      maxStreams: 20_000,
      readBudgetBytes: 134_217_728,
      messageTimeoutMs: 60_000,
      tls: { certFile: '', keyFile: '', clientCaFile: '' },
      maxStreamAgeMs: 0,
    },
    http: {
      listen: '127.0.0.1:9002',
      allowedHosts: [],
      queryTimeoutMs: 120_000,
      connectionIds: false,
    },
    store: {
      path: './data/snimeter.db',
      commitIntervalMs: 1000,
      retention: {
        minutesMs: 259_200_000,
        hoursMs: 34_560_000_000,
        podsMs: 2_678_400_000,
        connectionsMs: 604_800_000,
        maxConnections: 20_000_000,
        maxConnectionBytes: 5_368_709_120,
      },
    },
    rollup: {
      windowSeconds: 60,
      graceMs: 120_000,
      pendingRows: 500_000,
      names: { perWorkloadPerDay: 10_000, perDay: 100_000 },
      pods: { perHour: 200_000 },
    },
    ledger: { maxConnections: 1_000_000, maxRequests: 200_000, flushIntervalMs: 30_000 },
    memory: { shedAboveBytes: 1_610_612_736 },
    record: { directory: '', maxFileBytes: 67_108_864, maxFiles: 16 },
    instance: 'snimeter',
    outbox: { maxEvents: 20_000, maxParked: 20_000 },
    kafka: {
      brokers: [],
      name: 'kafka',
      topic: 'snimeter.usage.v1',
      hoursTopic: '',
      mode: 'structured',
      clientId: 'snimeter',
      compression: 'zstd',
      batchEvents: 500,
      connectTimeoutMs: 5000,
      requestTimeoutMs: 15_000,
      tls: { enabled: false, caFile: '', certFile: '', keyFile: '' },
      sasl: { mechanism: 'none', username: '', password: '', passwordFile: '' },
      createTopic: {
        enabled: false,
        partitions: 12,
        replicationFactor: 3,
        retentionMs: 3_456_000_000,
      },
    },
    files: {
      directory: '',
      name: 'files',
      hours: false,
      maxFileBytes: 67_108_864,
      maxAgeMs: 3_600_000,
      maxFiles: 1000,
    },
    gateways: { billAt: 'sidecar', hosts: [] },
    shutdown: { propagationDelayMs: 0, deadlineMs: 20_000 },
    log: { level: 'info', format: 'auto' },
  })
  assert.deepEqual(defaultConfig(), loaded.config)
})

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const file = {
    name: 'a.yaml',
    text: 'store: { path: /file, retention: { minutes: 4d, hours: 5d } }',
  }
  const env = { SNIMETER_STORE_PATH: '/env', SNIMETER_STORE_RETENTION_MINUTES: '2d' }
  const { store } = load({ file, env, flags: { 'store.path': '/flag' } })
  assert.equal(store.path, '/flag')
  assert.equal(store.retention.minutesMs, 2 * 86_400_000)
  assert.equal(store.retention.hoursMs, 5 * 86_400_000)
  assert.equal(store.retention.connectionsMs, 7 * 86_400_000)
})

test('every key can be set by file and by environment, and says who set it', () => {
  for (const option of OPTIONS) {
    const name = environmentName(option.key)
    const byEnv = loadConfig({ env: { [name]: option.default } })
    assert.ok('settings' in byEnv, option.key)
    assert.equal(byEnv.settings.get(option.key)?.where, name)
    const text = option.key
      .split('.')
      .reduceRight((inner, part) => `{ ${part}: ${inner} }`, JSON.stringify(option.default))
    const byFile = loadConfig(yaml(`\n${text}`))
    assert.ok('settings' in byFile, option.key)
    assert.equal(byFile.settings.get(option.key)?.where, 'a.yaml:2')
  }
})

test('everything wrong is told at once, with place, key, value and fix', () => {
  const text = [
    'als:',
    '  listen: nonsense',
    '  maxMessageSize: 64M',
    'store:',
    '  retention: { minutes: 30m, hous: 5d }',
    'rollup:',
    '  names: [1]',
    'ledgr: {}',
    'log:',
    '  level:',
  ].join('\n')
  const env = { SNIMETER_LEDGER_MAX_CONNECTIONS: '-1' }
  assert.deepEqual(problems({ ...yaml(text), env, flags: { 'rollup.window': '60' } }).sort(), [
    '--window: rollup.window: "60" has no unit; use a duration from 1s to 1d, like 15s, 2m, 3d',
    'SNIMETER_LEDGER_MAX_CONNECTIONS: ledger.max_connections: "-1" is not a whole number; use a number from 1000 to 100000000',
    'a.yaml:10: log.level has no value; write one, or remove the line for the default',
    'a.yaml:2: als.listen: "nonsense" is not an address to listen on; use host:port with a port up to 65535, like 127.0.0.1:9001, 0.0.0.0:9001 or [::1]:9001',
    'a.yaml:3: als.maxMessageSize is not a known key; did you mean als.max_message_size?',
    'a.yaml:5: store.retention.hous is not a known key; did you mean store.retention.hours?',
    'a.yaml:5: store.retention.minutes: "30m" is below the range; use a duration from 1h to 400d, like 15s, 2m, 3d',
    'a.yaml:7: rollup.names is a group of keys, not a value; write the keys below it, like rollup.names.per_workload_per_day',
    'a.yaml:8: ledgr is not a known key; did you mean ledger?',
  ])
})

test('a key in the wrong group is recognised by its last part', () => {
  assert.match(
    problems(yaml('retention: { minutes: 3d }'))[0] ?? '',
    /did you mean store\.retention\?/,
  )
  assert.match(problems(yaml('store: { window: 1m }'))[0] ?? '', /did you mean rollup\.window\?/)
  assert.match(problems(yaml('zzz: 1'))[0] ?? '', /print-config lists every key/)
})

test('values are read whole or not at all', () => {
  const refused: [string, RegExp][] = [
    ['ledger: { max_connections: 1e999 }', /"1e999" is not a whole number/],
    ['ledger: { max_connections: 1.5e4 }', /"1.5e4" is not a whole number/],
    ['ledger: { max_connections: true }', /"true" is not a whole number/],
    ['rollup: { grace: 120 }', /"120" has no unit/],
    ['als: { listen: 9001 }', /"9001" is not an address to listen on/],
    ['als: { listen: "[nope]:9001" }', /is not an address/],
    ['als: { listen: "127.0.0.1:65536" }', /is not an address/],
    ['als: { listen: "http://127.0.0.1:9001" }', /is not an address to listen on/],
    ['store: { path: "" }', /is empty/],
    ['store: { path: [a] }', /is a list or map/],
    ['log: { level: INFO }', /use one of debug, info, warn, error/],
    ['als: { max_stream_age: 5s }', /use a duration from 0 or 10s to 24d/],
    ['- a', /is not a map of keys/],
    ['just text', /is not a map of keys/],
  ]
  for (const [text, expected] of refused) assert.match(problems(yaml(text)).join('\n'), expected)
  const accepted = load(
    yaml('ledger: { max_connections: 2_000_000 }\nals: { listen: "[::1]:0", max_stream_age: 0 }'),
  )
  assert.equal(accepted.ledger.maxConnections, 2_000_000)
  assert.equal(accepted.als.listen, '[::1]:0')
  assert.equal(accepted.als.maxStreamAgeMs, 0)
})

test('an empty file, comments only, and groups whose lines are commented out set nothing', () => {
  for (const text of ['', '# nothing\n', 'store:\n  # path: x\n', '---\n']) {
    assert.deepEqual(load(yaml(text)), defaultConfig())
  }
})

test('broken YAML and a key written twice are told with the line', () => {
  assert.match(problems(yaml('als:\n  listen: "x\n'))[0] ?? '', /^a\.yaml:\d: is not valid YAML/)
  assert.match(problems(yaml('log:\n  level: info\n  level: warn'))[0] ?? '', /^a\.yaml:3: /)
})

test('variables are put into values after parsing, so they cannot add keys', () => {
  const env = { FOLDER: '/srv', EVIL: 'x\nlog: { level: debug }' }
  assert.equal(
    load({ ...yaml('store: { path: "${env:FOLDER}/a.db" }'), env }).store.path,
    '/srv/a.db',
  )
  assert.equal(load({ ...yaml('store: { path: "${env:EVIL}" }'), env }).log.level, 'info')
  assert.equal(
    load({ ...yaml('store: { path: "$${env:FOLDER}" }'), env }).store.path,
    '${env:FOLDER}',
  )
  assert.deepEqual(problems(yaml('store:\n  path: "${env:NOPE}"')), [
    'a.yaml:2: store.path refers to the variable NOPE, which is not set; set NOPE, or write the value',
  ])
})

test('a list is a YAML list or a text with commas; what is wrong in it is told', () => {
  const brokers = (text: string) => {
    const loaded = loadConfig({ file: { name: 'a.yaml', text: `kafka: { brokers: ${text} }` } })
    return 'config' in loaded ? loaded.config.kafka.brokers : loaded.problems
  }
  assert.deepEqual(brokers('[a:9092, "[::1]:9093"]'), ['a:9092', '[::1]:9093'])
  assert.deepEqual(brokers('"a:9092, b:9092"'), ['a:9092', 'b:9092'])
  assert.deepEqual(brokers('[]'), [])
  assert.deepEqual(brokers('[a:9092, b]'), [
    {
      where: 'a.yaml:1',
      key: 'kafka.brokers',
      value: 'a:9092,b',
      wrong: 'holds "b", which is not host:port',
      fix: 'write a list of host:port, or empty',
    },
  ])
  const [problem] = brokers('[[a]]') as readonly Problem[]
  assert.equal(problem?.wrong, 'holds a list or map')
})

test('a secret is never told: neither when it is printed nor when it is wrong', () => {
  const env = { SNIMETER_KAFKA_SASL_PASSWORD: 'hunter2\n' }
  const wrong = loadConfig({ env })
  assert.ok('problems' in wrong)
  assert.doesNotMatch(JSON.stringify(wrong.problems), /hunter2/)
  const file = {
    name: 'a.yaml',
    text: 'kafka: { sasl: { mechanism: plain, username: u, password: "${env:P}" } }',
  }
  const loaded = loadConfig({ file, env: { P: 'hunter2' } })
  assert.ok('config' in loaded)
  assert.equal(loaded.config.kafka.sasl.password, 'hunter2')
  assert.match(printConfig(loaded.settings), /password: \(hidden\)/)
})

test('rules between keys are checked', () => {
  const rules: [string, RegExp][] = [
    ['rollup: { window: 7m }', /rollup\.window: "7m" is neither/],
    ['rollup: { window: 5h }', /is neither/],
    ['rollup: { window: 90m }', /is neither/],
    ['rollup: { window: 1500ms }', /is neither/],
    [
      'rollup: { grace: 30s }',
      /rollup\.grace: "30s" is not longer than ledger\.flush_interval \(30s\)/,
    ],
    ['ledger: { flush_interval: 5m }', /rollup\.grace: "2m" is not longer/],
    ['rollup: { window: 1d }\nstore: { retention: { minutes: 1h } }', /use at least 1442m/],
    [
      'store: { retention: { minutes: 30d, hours: 29d } }',
      /store\.retention\.hours: "29d" is shorter/,
    ],
    ['als: { tls: { cert_file: a } }', /als\.tls\.key_file has no value, but a certificate is set/],
    ['als: { tls: { key_file: a } }', /als\.tls\.cert_file has no value/],
    ['als: { tls: { client_ca_file: a } }', /client_ca_file: "a" is set, but/],
    ['http: { listen: "127.0.0.1:9001" }', /is the address of als\.listen/],
    ['rollup: { names: { per_day: 5 } }', /per_workload_per_day: "10000" is more than/],
    [
      'kafka: { tls: { enabled: true, cert_file: a } }',
      /kafka\.tls\.key_file has no value, but a certificate is set/,
    ],
    ['kafka: { tls: { enabled: true, key_file: a } }', /kafka\.tls\.cert_file has no value/],
    ['kafka: { tls: { ca_file: a } }', /kafka\.tls\.enabled: "false" is false, but certificates/],
    [
      'kafka: { sasl: { mechanism: plain, username: u, password: a, password_file: b } }',
      /kafka\.sasl\.password_file: "b" is set beside kafka\.sasl\.password/,
    ],
    [
      'kafka: { brokers: [a:1], name: x }\nfiles: { directory: d, name: x }',
      /files\.name: "x" is the name of the Kafka sink/,
    ],
    ['gateways: { bill_at: gateway }', /gateways\.hosts has no value, but gateways\.bill_at/],
    ['kafka: { sasl: { username: u } }', /kafka\.sasl\.mechanism: "none" is none, but a user name/],
    [
      'kafka: { sasl: { mechanism: scram-sha-512, password: a } }',
      /kafka\.sasl\.username has no value, but the mechanism is scram-sha-512/,
    ],
    [
      'kafka: { sasl: { mechanism: scram-sha-256, username: u } }',
      /kafka\.sasl\.password_file has no value, nor has kafka\.sasl\.password/,
    ],
  ]
  for (const [text, expected] of rules) {
    const found = problems(yaml(text))
    assert.equal(found.length, 1, `${text}: ${found.join(' | ')}`)
    assert.match(found[0] ?? '', expected)
  }
  for (const window of ['1s', '10s', '15s', '5m', '1h', '2h', '12h', '1d']) {
    assert.deepEqual(problems(yaml(`rollup: { window: ${window} }`)), [], window)
  }
})

const ALL_RULES = {
  'rollup.window': '7m',
  'rollup.grace': '30s',
  'store.retention.minutes': '30d',
  'store.retention.hours': '29d',
  'als.tls.cert_file': 'a',
  'http.listen': '127.0.0.1:9001',
  'rollup.names.per_day': '5',
  'kafka.tls.ca_file': 'a',
  'kafka.tls.cert_file': 'a',
  'kafka.sasl.mechanism': 'plain',
  'kafka.brokers': 'a:1',
  'kafka.name': 'x',
  'files.directory': 'd',
  'files.name': 'x',
  'gateways.bill_at': 'gateway',
} as const

test('a wrong value hides no broken rule between other keys', () => {
  const flags = ALL_RULES
  const broken = problems({ flags })
  assert.equal(broken.length, 12, broken.join('\n'))
  const both = problems({ flags: { ...flags, 'log.level': 'loud' }, ...yaml('nonsense: 1') })
  assert.deepEqual(both.slice(2), broken)
  assert.match(both[0] ?? '', /^a\.yaml:1: nonsense is not a known key/)
  assert.match(both[1] ?? '', /log\.level: "loud" is not known/)
})

test('law: of a key whose value is wrong, no rule says what a right value could make untrue', () => {
  for (const { key, type, default: byDefault } of OPTIONS) {
    if (type.kind === 'secret') continue
    const wrong = problems({ flags: { ...ALL_RULES, [key]: '\0' } })
    const [own = '', ...others] = wrong
    assert.ok(own.includes(key), own)
    for (const text of [byDefault, ...(OTHER_VALUES[key] ?? [])]) {
      const right = problems({ flags: { ...ALL_RULES, [key]: text } })
      for (const line of others) assert.ok(right.includes(line), `${key}: ${text}: ${line}`)
    }
  }
})

const OTHER_VALUES: Readonly<Record<string, readonly string[]>> = {
  'rollup.window': ['1m'],
  'rollup.grace': ['10m'],
  'ledger.flush_interval': ['5s', '20s'],
  'store.retention.minutes': ['1d'],
  'store.retention.hours': ['300d'],
  'als.tls.cert_file': [''],
  'als.tls.key_file': ['k'],
  'als.listen': ['127.0.0.1:1'],
  'http.listen': ['127.0.0.1:2'],
  'rollup.names.per_day': ['1000000'],
  'rollup.names.per_workload_per_day': ['2'],
  'kafka.tls.enabled': ['true'],
  'kafka.tls.ca_file': [''],
  'kafka.tls.cert_file': [''],
  'kafka.tls.key_file': ['k'],
  'kafka.sasl.mechanism': ['none'],
  'kafka.sasl.username': ['u'],
  'kafka.sasl.password_file': ['p'],
  'kafka.brokers': [''],
  'kafka.name': ['y'],
  'files.directory': [''],
  'files.name': ['y'],
  'gateways.bill_at': ['sidecar'],
  'gateways.hosts': ['a.b.svc.cluster.local'],
}

test('a variable that looks like ours and is none is a warning; service links of Kubernetes are not', () => {
  const env = {
    SNIMETER_CONFIG: 'x',
    SNIMETER_STORE_PTAH: 'x',
    SNIMETER_PORT: 'tcp://10.0.0.1:9001',
    SNIMETER_SERVICE_HOST: '10.0.0.1',
    SNIMETER_SERVICE_PORT_ALS: '9001',
    SNIMETER_ALS_PORT_9001_TCP_ADDR: '10.0.0.1',
  }
  const loaded = loadConfig({ env })
  assert.ok('warnings' in loaded)
  assert.deepEqual(loaded.warnings, [
    'the variable SNIMETER_STORE_PTAH sets nothing; did you mean SNIMETER_STORE_PATH?',
  ])
})

test('a printed configuration reads back to the same one, plain and explained', () => {
  const env = {
    SNIMETER_STORE_PATH: 'a b: #${env:HOME}.db',
    SNIMETER_LOG_LEVEL: 'debug',
    SNIMETER_RECORD_DIRECTORY: 'null',
    SNIMETER_ROLLUP_GRACE: '1h30m',
    SNIMETER_MEMORY_SHED_ABOVE: '1GB',
  }
  for (const sources of [{}, { env }]) {
    const loaded = loadConfig(sources)
    assert.ok('settings' in loaded)
    for (const explain of [false, true]) {
      assert.deepEqual(load(yaml(printConfig(loaded.settings, explain))), loaded.config)
    }
  }
  const explained = loadConfig({ env })
  assert.ok('settings' in explained)
  assert.match(
    printConfig(explained.settings, true),
    / {2}# Least important.*\n {2}# debug, info, warn, error · SNIMETER_LOG_LEVEL · set by SNIMETER_LOG_LEVEL\n {2}level: debug\n/,
  )
})
