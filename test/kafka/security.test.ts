import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Acl,
  AclOperations,
  AclPermissionTypes,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka'
import type { KafkaConfig } from '../../src/kafka/config.ts'
import { checkConnection } from '../../src/kafka/connection-check.ts'
import { KafkaSink } from '../../src/kafka/kafka-sink.ts'
import { TopicWatch } from '../../src/kafka/topic-watch.ts'
import type { Delivery } from '../../src/model/sink.ts'
import type { SinkGuard, Stamp } from '../../src/model/stamp.ts'
import type { TopicMemory } from '../../src/model/topic-memory.ts'
import { APP, certificateFile, READER, startSecureBroker } from '../helpers/kafka/secure-broker.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { until } from '../helpers/until.ts'
import { memoryLogger } from '../telemetry/memory-logger.ts'
import { kafkaConfig, someEvent } from './events.ts'

type Tls = KafkaConfig['tls']
type Sasl = KafkaConfig['sasl']
type Security = Pick<KafkaConfig, 'tls' | 'sasl'>

const TLS: Tls = { enabled: true, caFile: certificateFile('ca.pem'), certFile: '', keyFile: '' }
const NO_TLS: Tls = { enabled: false, caFile: '', certFile: '', keyFile: '' }
const NO_SASL: Sasl = { mechanism: 'none', username: '', password: '', passwordFile: '' }
const MUTUAL: Tls = {
  ...TLS,
  certFile: certificateFile('client.pem'),
  keyFile: certificateFile('client-key.pem'),
}
const as = (
  user: { readonly username: string; readonly password: string },
  mechanism: Sasl['mechanism'],
): Sasl => ({ mechanism, ...user, passwordFile: '' })

const TOPIC = 'usage'

const STAMP: Stamp = { ledgerId: 'ledger', sink: 'kafka', life: 1, token: 'a', sequence: 1 }

test('a broker with TLS, passwords and access control', async (t) => {
  // Clients must prove their password again every second.
  const reauthentication = { 'connections.max.reauth.ms': '1000' }
  const secure = await startSecureBroker(t, reauthentication)
  if (secure === undefined) return
  const { broker, addresses } = secure
  await broker.createTopic(TOPIC, { partitions: 2 })

  const publishOnce = async (address: string, security: Security): Promise<Delivery> => {
    const sink = sinkOf(address, security)
    try {
      const [delivery] = await sink.publish([someEvent('cart', 0)])
      assert.ok(delivery !== undefined)
      return delivery
    } finally {
      await sink.stop()
    }
  }
  const acl = (user: string, operation: Acl['operation']): Acl => ({
    resourceType: ResourceTypes.TOPIC,
    resourceName: TOPIC,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  })
  const allow = (user: string, operation: Acl['operation']): Promise<void> =>
    broker.withAdmin((admin) => admin.createAcls({ creations: [acl(user, operation)] }))

  await until('a leader knows the topic', async () => {
    const delivery = await publishOnce(broker.address, { tls: NO_TLS, sasl: NO_SASL })
    return delivery.kind === 'acknowledged'
  })
  await allow('CN=client', AclOperations.WRITE)

  const good: readonly [string, string, Security][] = [
    ['a private CA', addresses.tls, { tls: TLS, sasl: NO_SASL }],
    ['mutual TLS', addresses.mutual, { tls: MUTUAL, sasl: NO_SASL }],
    ...(['plain', 'scram-sha-256', 'scram-sha-512'] as const).flatMap(
      (mechanism): [string, string, Security][] => [
        [`${mechanism} over TLS`, addresses.saslTls, { tls: TLS, sasl: as(APP, mechanism) }],
        [
          `${mechanism} without TLS`,
          addresses.saslPlaintext,
          { tls: NO_TLS, sasl: as(APP, mechanism) },
        ],
      ],
    ),
  ]
  for (const [what, address, security] of good) {
    await t.test(`${what} works`, async () => {
      await until('the event is acknowledged', async () => {
        const delivery = await publishOnce(address, security)
        return delivery.kind === 'acknowledged'
      })
    })
  }

  const wrongPassword = { ...APP, password: 'app-secret-of-yesterday' }
  const client =
    'the broker wants a client certificate; set kafka.tls.cert_file and kafka.tls.key_file'
  const closed =
    'the broker closed the connection; check kafka.tls.enabled and kafka.sasl.mechanism against its listener, and its log'
  const wrongCa =
    'the certificate of the broker is not signed by a trusted CA; set kafka.tls.ca_file to the CA that signed it'
  const refused =
    'the broker refuses the user name or password; check kafka.sasl.username and the password'
  const bad: readonly [string, string, Security, string][] = [
    [
      'a wrong CA',
      addresses.tls,
      { tls: { ...TLS, caFile: certificateFile('other-ca.pem') }, sasl: NO_SASL },
      wrongCa,
    ],
    [
      'a private CA that is not given',
      addresses.tls,
      { tls: { ...TLS, caFile: '' }, sasl: NO_SASL },
      wrongCa,
    ],
    [
      'an expired certificate',
      addresses.expired,
      { tls: TLS, sasl: NO_SASL },
      'the certificate of the broker has expired; renew it there',
    ],
    ['no client certificate', addresses.mutual, { tls: TLS, sasl: NO_SASL }, client],
    [
      'plain text to a TLS port',
      addresses.tls,
      { tls: NO_TLS, sasl: NO_SASL },
      'the broker speaks TLS on this port; set kafka.tls.enabled: true, or use its plain port',
    ],
    [
      'TLS to a plain port',
      broker.address,
      { tls: TLS, sasl: NO_SASL },
      'the broker does not speak TLS on this port; use its TLS port, or set kafka.tls.enabled: false',
    ],
    ['no password', addresses.saslTls, { tls: TLS, sasl: NO_SASL }, closed],
    [
      'a password where none is taken',
      broker.address,
      { tls: NO_TLS, sasl: as(APP, 'plain') },
      'the listener takes no passwords; use its SASL port, or set kafka.sasl.mechanism: none',
    ],
    ...(['plain', 'scram-sha-256', 'scram-sha-512'] as const).map(
      (mechanism): [string, string, Security, string] => [
        `a wrong password (${mechanism})`,
        addresses.saslTls,
        { tls: TLS, sasl: as(wrongPassword, mechanism) },
        refused,
      ],
    ),
    [
      'an unknown user',
      addresses.saslTls,
      { tls: TLS, sasl: as({ ...APP, username: 'nobody' }, 'scram-sha-512') },
      refused,
    ],
  ]
  for (const [what, address, security, text] of bad) {
    await t.test(`${what} is told in one line, and the event is kept`, async () => {
      const message = `${address}: ${text}`
      assert.deepEqual(await publishOnce(address, security), { kind: 'retry', message })
      const [finding] = await checkConnection(kafkaConfig([address], TOPIC, security))
      assert.deepEqual(finding, { verdict: 'wrong', subject: `broker ${address}`, text })
    })
  }

  await t.test('who may not see or write the topic is refused until it is allowed', async () => {
    const security = { tls: TLS, sasl: as(READER, 'scram-sha-256') }
    const address = addresses.saslTls
    const findings = async (): Promise<string[]> =>
      (await checkConnection(kafkaConfig([address], TOPIC, security))).map(
        ({ verdict, subject, text }) => `${verdict} ${subject}: ${text}`,
      )
    const reached = `ok broker ${address}: answers over TLS, as user reader (scram-sha-256)`
    const unseen = 'this user may not see the topic usage; allow it DESCRIBE and WRITE on the topic'
    const unwritable =
      'this user may not write to the topic; allow it WRITE and DESCRIBE on the topic'
    const hidden =
      'note topic usage: its settings cannot be read: this user may not describe them; allow it DESCRIBE_CONFIGS on the topic'
    const refusal = (message: string): Delivery => ({
      kind: 'refused',
      reason: 'not_authorized',
      message,
    })
    const untilDelivery = (expected: Delivery): Promise<unknown> =>
      until(JSON.stringify(expected), async () => {
        assert.deepEqual(await publishOnce(address, security), expected)
        return true
      })

    await untilDelivery(refusal(unseen))
    assert.deepEqual(await findings(), [reached, `wrong topic usage: ${unseen}`])
    await allow(READER.username, AclOperations.DESCRIBE)
    await untilDelivery(refusal(unwritable))
    assert.deepEqual(await findings(), [
      reached,
      'ok topic usage: 2 partitions, 1 replica',
      'wrong topic usage: this user may not write; allow it WRITE on the topic',
      hidden,
    ])
    await allow(READER.username, AclOperations.WRITE)
    await untilDelivery({ kind: 'acknowledged' })
    assert.deepEqual(await findings(), [
      reached,
      'ok topic usage: 2 partitions, 1 replica',
      'note topic usage: may be written to, but not read: an older copy of the file would not be noticed; allow this user READ',
      hidden,
    ])
    // Without READ nothing can be asked of the topic: events are sent all the same.
    const found: unknown[] = []
    const guard: SinkGuard = {
      ledgerId: 'ledger',
      sink: 'kafka',
      stamp: () => (found.length > 0 ? STAMP : undefined),
      admit: (stamps) => Promise.resolve(void found.push(stamps ?? 'not allowed')),
    }
    const guarded = new KafkaSink(kafkaConfig([address], TOPIC, security), {
      logger: memoryLogger(),
      guard,
    })
    t.after(() => guarded.stop())
    const publish = async () => (await guarded.publish([someEvent('cart', 0)]))[0]
    assert.deepEqual(await publish(), { kind: 'acknowledged' })
    assert.deepEqual(found, ['not allowed'])
    await allow(READER.username, AclOperations.READ)
    await until('it may be read', async () => (await findings())[2]?.startsWith('ok ') === true)
    found.length = 0
    assert.deepEqual(await publish(), { kind: 'acknowledged' })
    assert.deepEqual(found, [[STAMP]])

    // Without the permission `serve` says so once, and still remembers what the topic is like.
    const logger = memoryLogger()
    let memory: TopicMemory | undefined
    let looks = 0
    const watch = new TopicWatch(kafkaConfig([address], TOPIC, security), {
      logger,
      everyMs: 10,
      file: {
        read: () => {
          looks++
          return { memory, repair: { sink: 'kafka', fromMs: 0 } }
        },
        write: (seen) => {
          memory = seen
          return Promise.resolve()
        },
      },
    })
    t.after(() => watch.stop())
    watch.start()
    await until('it has looked three times', () => looks >= 3)
    watch.stop()
    assert.equal(memory?.partitions, 2)
    assert.deepEqual(
      watch.findings.map(({ severity, code }) => `${severity} ${code}`),
      ['note topic-settings-unknown'],
    )
    assert.deepEqual(
      logger.lines.map(({ level, message }) => `${level} ${message}`),
      ['info not everything about the topic is known'],
    )
  })

  await t.test('a password in a file is read again at every authentication', async () => {
    const passwordFile = join(temporaryFolder(t), 'password')
    const write = (password: string): void => writeFileSync(passwordFile, `${password}\n`)
    const sasl: Sasl = { ...as(APP, 'scram-sha-512'), password: '', passwordFile }
    const sink = sinkOf(addresses.saslTls, { tls: TLS, sasl })
    t.after(() => sink.stop())
    const publishUntil = (expected: Delivery): Promise<unknown> =>
      until(JSON.stringify(expected), async () => {
        assert.deepEqual((await sink.publish([someEvent('cart', 0)]))[0], expected)
        return true
      })
    write(APP.password)
    await publishUntil({ kind: 'acknowledged' })
    // Within a second the connection is to prove it again.
    write('rotated')
    await publishUntil({ kind: 'retry', message: `${addresses.saslTls}: ${refused}` })
    write(APP.password)
    await publishUntil({ kind: 'acknowledged' })
  })
})

function sinkOf(address: string, security: Security): KafkaSink {
  const logger = memoryLogger()
  return new KafkaSink(kafkaConfig([address], TOPIC, security), { logger })
}
