import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { BaseOptions, SASLMechanismValue } from '@platformatic/kafka'
import { ServiceError } from '../runtime/service-error.ts'
import type { KafkaConfig } from './config.ts'

/** What a `KafkaClient` takes: the library's options, with a time-out in any case. */
export type KafkaClientOptions = BaseOptions & { readonly requestTimeout: number }

/**
 * What the client library needs to connect. Certificates are read now, the password file at every
 * authentication: both can be rotated, because a client lives until its first trouble. Throws
 * `kafka_file_unreadable`.
 *
 * @param first index of the bootstrap broker that is asked first: one that hangs must not be asked
 *   first for ever
 */
export function connectionOptions(config: KafkaConfig, first: number): KafkaClientOptions {
  const { brokers, requestTimeoutMs } = config
  const from = first % brokers.length
  return {
    clientId: config.clientId,
    bootstrapBrokers: [...brokers.slice(from), ...brokers.slice(0, from)],
    connectTimeout: config.connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    timeout: requestTimeoutMs,
    // The relay owns retries and their delays.
    retries: 0,
    autocreateTopics: false,
    ...tlsOptions(config),
    ...saslOptions(config.sasl),
  }
}

function tlsOptions({ tls, brokers }: KafkaConfig): Partial<BaseOptions> {
  if (!tls.enabled) return {}
  const { caFile, certFile, keyFile } = tls
  return {
    tls: {
      ...(caFile === '' ? {} : { ca: readSecret(caFile, 'kafka.tls.ca_file') }),
      ...(certFile === '' ? {} : { cert: readSecret(certFile, 'kafka.tls.cert_file') }),
      ...(keyFile === '' ? {} : { key: readSecret(keyFile, 'kafka.tls.key_file') }),
    },
    // The name in the ClientHello (brokers behind a router need it) may not be an address (RFC 6066).
    tlsServerName: brokers.some((broker) => isIP(hostOf(broker)) === 0),
  }
}

function saslOptions(sasl: KafkaConfig['sasl']): Partial<BaseOptions> {
  const { mechanism, username, password, passwordFile } = sasl
  if (mechanism === 'none') return {}
  return {
    sasl: {
      mechanism: mechanism.toUpperCase() as SASLMechanismValue,
      username,
      password:
        passwordFile === ''
          ? password
          : () => readSecret(passwordFile, 'kafka.sasl.password_file').replace(/\r?\n$/, ''),
    },
  }
}

/** `host` of `host:port`, without the brackets of an IPv6 address. */
function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

function readSecret(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServiceError('kafka_file_unreadable', `${key} cannot be read: ${reason}`, {
      cause: error,
    })
  }
}
