import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.ts'
import { Broker } from './broker.ts'
import { kafkaJars } from './install.ts'

/** The user that may do everything, and one that may do nothing until an ACL allows it. */
export const APP = { username: 'app', password: 'app-secret' }
export const READER = { username: 'reader', password: 'reader-secret' }

/** What a listener asks of a client. SASL listeners take PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
const LISTENERS = {
  tls: 'SSL',
  /** With a certificate that ended with 2020. */
  expired: 'SSL',
  mutual: 'SSL',
  saslTls: 'SASL_SSL',
  saslPlaintext: 'SASL_PLAINTEXT',
} as const

type Listener = keyof typeof LISTENERS

/** A file of the tests' certificates (`certificates/make.sh`): `ca.pem`, `other-ca.pem`, `client.pem`, … */
export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`./certificates/${name}`, import.meta.url))
}

/** A broker with its plain listener for the tests (everything is allowed there) and secure ones. */
export interface SecureBroker {
  readonly broker: Broker
  /** `127.0.0.1:port` of each listener. */
  readonly addresses: Readonly<Record<Listener, string>>
}

/**
 * A real Kafka with TLS, passwords and access control: no one but APP and the plain listener may do
 * anything that an ACL does not allow. Like `startBroker`: undefined where there is no Kafka.
 */
export async function startSecureBroker(
  t: TestContext,
  properties: Readonly<Record<string, string>> = {},
): Promise<SecureBroker | undefined> {
  const jars = await kafkaJars(t)
  if (jars === undefined) return undefined
  const addresses = {} as Record<Listener, string>
  for (const name of Object.keys(LISTENERS) as Listener[]) {
    addresses[name] = `127.0.0.1:${await freePort()}`
  }
  const broker = new Broker(jars, {
    properties: ({ client, controller }) => ({
      ...listenerProperties(addresses, client, controller),
      ...TLS,
      ...passwords(),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:ANONYMOUS;User:${APP.username}`,
      ...properties,
    }),
    formatArguments: [APP, READER].flatMap(({ username, password }) =>
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${username},password=${password}]`,
      ]),
    ),
  })
  t.after(() => broker.remove())
  await broker.start()
  return { broker, addresses }
}

function listenerProperties(
  addresses: Readonly<Record<Listener, string>>,
  client: number,
  controller: number,
): Record<string, string> {
  const names = Object.keys(LISTENERS) as Listener[]
  const secure = names.map((name) => `${name.toUpperCase()}://${addresses[name]}`)
  const protocols = names.map((name) => `${name.toUpperCase()}:${LISTENERS[name]}`)
  return {
    listeners: [
      `PLAINTEXT://127.0.0.1:${client}`,
      `CONTROLLER://127.0.0.1:${controller}`,
      ...secure,
    ].join(','),
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT',
      'CONTROLLER:PLAINTEXT',
      ...protocols,
    ].join(','),
  }
}

const TLS = {
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': certificateFile('server.pem'),
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': certificateFile('ca.pem'),
  'listener.name.expired.ssl.keystore.type': 'PEM',
  'listener.name.expired.ssl.keystore.location': certificateFile('server-expired.pem'),
  'listener.name.mutual.ssl.client.auth': 'required',
}

function passwords(): Record<string, string> {
  const settings: Record<string, string> = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  }
  const users = [APP, READER].map(({ username, password }) => `user_${username}="${password}"`)
  for (const listener of ['sasltls', 'saslplaintext']) {
    const prefix = `listener.name.${listener}`
    settings[`${prefix}.plain.sasl.jaas.config`] =
      `${MODULES}.plain.PlainLoginModule required ${users.join(' ')};`
    for (const mechanism of ['scram-sha-256', 'scram-sha-512']) {
      settings[`${prefix}.${mechanism}.sasl.jaas.config`] =
        `${MODULES}.scram.ScramLoginModule required;`
    }
  }
  return settings
}

const MODULES = 'org.apache.kafka.common.security'
