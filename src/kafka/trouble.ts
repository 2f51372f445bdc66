import { protocolErrorsCodesById } from '@platformatic/kafka'
import { formatAddress, type ListenAddress } from '../runtime/listen-address.ts'
import { ServiceError } from '../runtime/service-error.ts'

/** What went wrong between us and Kafka, translated once, where the library's errors enter. */
export interface Trouble {
  /** Kafka's error code, if a broker answered with one. */
  readonly code: number | undefined
  /** One line: where, what, and what to do about it. Names no secret. */
  readonly message: string
}

/** What a connection met, newest first, where it went to, and whether Kafka ever answered on it. */
export class ConnectionFailed extends AggregateError {
  readonly place: string
  readonly wasUsed: boolean

  constructor({ host, port }: ListenAddress, errors: readonly unknown[], wasUsed: boolean) {
    super(errors, 'the connection failed')
    this.place = formatAddress({ host, port })
    this.wasUsed = wasUsed
  }
}

/** Kafka's error codes that mean something to us (org.apache.kafka.common.protocol.Errors). */
export const ErrorCode = {
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  invalidTopic: 17,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorizationFailed: 29,
  clusterAuthorizationFailed: 31,
  invalidTimestamp: 32,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  topicAlreadyExists: 36,
  invalidReplicationFactor: 38,
  saslAuthenticationFailed: 58,
  unsupportedCompression: 76,
  invalidRecord: 87,
} as const

/**
 * Decides by protocol codes and the system's codes, wherever they are in the tree of causes; never by
 * the library's names, which say "network error" of a wrong password.
 */
export function troubleOf(error: unknown): Trouble {
  const errors = flatten(error)
  const code = errors.map((one) => one.apiCode).find((value) => typeof value === 'number')
  const failed = errors.find((one) => one instanceof ConnectionFailed)
  const answered = errors.find((one) => one.apiCode === code)
  const what =
    errors.find((one) => one instanceof ServiceError)?.message ??
    (code === undefined ? undefined : codeTrouble(code, answered?.serverErrorMessage)) ??
    first(errors, (one) => CODES[systemCode(one)]) ??
    first(errors, (one) => PHRASES.find(([phrase]) => phrase.test(one.message))?.[1]) ??
    rawText(errors)
  if (failed === undefined) return { code, message: what }
  // On a connection that has worked the configuration is not to blame.
  const text = what === CLOSED && failed.wasUsed ? LOST : what
  return { code, message: `${failed.place}: ${text}` }
}

/** Whether the broker has no such request at all. */
export function isUnsupported(error: unknown): boolean {
  return flatten(error).some(({ code }) => code === 'PLT_KFK_UNSUPPORTED_API')
}

/** The words for a code in a broker's answer; `text` is what the broker says itself, if anything. */
export function codeTrouble(code: number, text: string | null | undefined): string {
  const known = protocolTrouble(code)
  if (known !== undefined) return known
  const name = protocolErrorsCodesById[code] ?? String(code)
  return `the broker answers ${name}${text ? `: ${text.replaceAll(/\s+/g, ' ')}` : ''}`
}

/** The parts of a foreign error that are looked at. */
interface Foreign {
  readonly message: string
  readonly code?: string
  readonly apiCode?: number
  readonly serverErrorMessage?: string | null
}

const MAX_ERRORS = 100

/** The error, its causes and parts, outermost first. */
function flatten(error: unknown): readonly Foreign[] {
  const found: Foreign[] = []
  const queue: unknown[] = [error]
  for (let i = 0; i < queue.length && found.length < MAX_ERRORS; i++) {
    const one = queue[i]
    if (!(one instanceof Error)) continue
    found.push(one)
    queue.push(one.cause)
    if (one instanceof AggregateError) queue.push(...one.errors)
  }
  return found.length > 0 ? found : [{ message: String(error) }]
}

function first(
  errors: readonly Foreign[],
  find: (error: Foreign) => string | undefined,
): string | undefined {
  for (const error of errors) {
    const found = find(error)
    if (found !== undefined) return found
  }
  return undefined
}

/** OpenSSL names alerts by version: `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`, `ERR_SSL_SSL/TLS_ALERT_…`. */
function systemCode({ code }: Foreign): string {
  return typeof code === 'string' ? code.replace(/^ERR_SSL_.*_ALERT_/, 'ALERT_') : ''
}

function protocolTrouble(code: number): string | undefined {
  switch (code) {
    case ErrorCode.saslAuthenticationFailed:
      return 'the broker refuses the user name or password; check kafka.sasl.username and the password'
    case ErrorCode.unsupportedSaslMechanism:
      return 'the broker does not offer this SASL mechanism; check kafka.sasl.mechanism'
    case ErrorCode.illegalSaslState:
      return 'the listener takes no passwords; use its SASL port, or set kafka.sasl.mechanism: none'
    case ErrorCode.unsupportedCompression:
      return 'the broker does not know this compression; set kafka.compression: gzip'
    case ErrorCode.messageTooLarge:
    case ErrorCode.recordListTooLarge:
      return "the record is larger than the topic takes; raise the topic's max.message.bytes"
    case ErrorCode.topicAuthorizationFailed:
      return 'this user may not write to the topic; allow it WRITE and DESCRIBE on the topic'
    case ErrorCode.clusterAuthorizationFailed:
      return 'the cluster does not allow this user the request; check its ACLs'
    case ErrorCode.notEnoughReplicas:
    case ErrorCode.notEnoughReplicasAfterAppend:
      return 'fewer replicas are in sync than min.insync.replicas of the topic; see the other brokers'
    case ErrorCode.requestTimedOut:
      return 'the replicas did not confirm in time; see the other brokers'
    case ErrorCode.leaderNotAvailable:
    case ErrorCode.notLeaderOrFollower:
      return 'the leader of the partition changes; wait a moment'
    case ErrorCode.invalidTimestamp:
      return 'our clock differs too much from that of the broker; set both by NTP'
    case ErrorCode.invalidRecord:
      return 'the broker rejects the record as invalid; see the log of the broker'
    case ErrorCode.unknownTopicOrPartition:
      return 'the broker does not know the topic (any more)'
    default:
      return undefined
  }
}

const WRONG_CA =
  'the certificate of the broker is not signed by a trusted CA; set kafka.tls.ca_file to the CA that signed it'
const PLAIN_PORT =
  'the broker does not speak TLS on this port; use its TLS port, or set kafka.tls.enabled: false'
const CLIENT_CERTIFICATE =
  'the broker refuses our client certificate; check kafka.tls.cert_file and kafka.tls.key_file'
const NO_CLIENT_CERTIFICATE =
  'the broker wants a client certificate; set kafka.tls.cert_file and kafka.tls.key_file'
const NOTHING_LISTENS = 'nothing listens there; check kafka.brokers and whether the broker runs'

const CLOSED =
  'the broker closed the connection; check kafka.tls.enabled and kafka.sasl.mechanism against its listener, and its log'

const LOST = 'the connection was lost; check whether the broker still runs, and the network'

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: NOTHING_LISTENS,
  ENOTFOUND: 'there is no such host; check kafka.brokers',
  EAI_AGAIN: 'the name of the host cannot be looked up now; check the name server',
  EHOSTUNREACH: 'there is no route to the host; check the network',
  ENETUNREACH: 'there is no route to the network; check the network',
  SELF_SIGNED_CERT_IN_CHAIN: WRONG_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: WRONG_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: WRONG_CA,
  UNABLE_TO_GET_ISSUER_CERT: WRONG_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: WRONG_CA,
  CERT_SIGNATURE_FAILURE: WRONG_CA,
  CERT_HAS_EXPIRED: 'the certificate of the broker has expired; renew it there',
  CERT_NOT_YET_VALID:
    'the certificate of the broker is not valid yet; check the clocks of both machines',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate of the broker is for another host name; use a name that it lists in kafka.brokers and advertised.listeners',
  EPROTO: PLAIN_PORT,
  ERR_SSL_WRONG_VERSION_NUMBER: PLAIN_PORT,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: PLAIN_PORT,
  ALERT_CERTIFICATE_REQUIRED: NO_CLIENT_CERTIFICATE,
  ALERT_BAD_CERTIFICATE: NO_CLIENT_CERTIFICATE,
  ALERT_CERTIFICATE_UNKNOWN: CLIENT_CERTIFICATE,
  ALERT_UNKNOWN_CA: CLIENT_CERTIFICATE,
  ALERT_CERTIFICATE_EXPIRED: CLIENT_CERTIFICATE,
}

/** What the library says only in words. They choose a text for people, nothing else. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [
    /^Broker requires TLS/,
    'the broker speaks TLS on this port; set kafka.tls.enabled: true, or use its plain port',
  ],
  [/^TLS handshake failed/, PLAIN_PORT],
  [/timed out/i, 'no answer in time; check the network and whether the broker hangs'],
  [/^Connection closed|ECONNRESET|EPIPE/, CLOSED],
]

/** The innermost text, on one line. */
function rawText(errors: readonly Foreign[]): string {
  return (errors.at(-1)?.message ?? 'unknown error').replaceAll(/\s+/g, ' ')
}
