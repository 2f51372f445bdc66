import type {
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { logVerbosity, Server, type ServerCredentials, setLogVerbosity } from '@grpc/grpc-js'
import { Crowding } from '../model/crowding.ts'
import type { CertificateReport, OtherCall } from '../model/receiver-report.ts'
import type { Sender } from '../model/sender.ts'
import { addressKey } from '../runtime/address-key.ts'
import type { Component } from '../runtime/component.ts'
import type { ConnectionGate } from '../runtime/connection-gate.ts'
import { formatAddress, type ListenAddress, parseListenAddress } from '../runtime/listen-address.ts'
import { ServiceError } from '../runtime/service-error.ts'
import { within } from '../runtime/within.ts'
import type { Health } from '../telemetry/health.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/registry.ts'
import { SampledLogger } from '../telemetry/sampled-logger.ts'
import { ACCESS_LOG_SERVICE } from './access-log-service.ts'
import { CallGate, discard } from './call-gate.ts'
import { serverCredentials } from './credentials.ts'
import { FailedConnections } from './failed-connections.ts'
import { openUp, readHandleOf } from './grpc-server.ts'
import { Handshakes } from './handshakes.ts'
import { addHealthService, HEALTH_PATHS } from './health-service.ts'
import { declareReceiverMetrics, ReceiverCounters } from './metrics.ts'
import { OtherCalls } from './other-calls.ts'
import { ReadBudget } from './read-budget.ts'
import { type ReadTurn, ReadTurns } from './read-turns.ts'
import { type AccessLogStream, type GrpcCall, ServedCall } from './served-call.ts'
import type { Reading } from './stream-reader.ts'
import { type TlsConfig, TlsFiles } from './tls-files.ts'
import { MAX_UNPACKED_BYTES, Unpacker } from './unpacker.ts'

export interface ReceiverConfig {
  /** `host:port`, `[ipv6]:port` or `:port`; port 0 takes any free one. */
  readonly listen: string
  /** A larger message ends its stream, bytes. */
  readonly maxMessageBytes: number
  /** Calls that are open at a time. */
  readonly maxStreams: number
  /** Bytes that may be read and not yet handled. */
  readonly readBudgetBytes: number
  /** Without progress for this long, ms: HTTP/2 does not begin, a stream has no message, or half of one. */
  readonly messageTimeoutMs: number
  readonly tls: TlsConfig
  /** Streams are ended with status OK at about this age, ms; 0 = never. */
  readonly maxStreamAgeMs: number
  /** How often the TLS files are looked at, ms; tests shorten it. */
  readonly tlsLookEveryMs?: number
}

export interface ReceiverDependencies {
  /** Called for every new stream. */
  openStream(sender: Sender): AccessLogStream
  readonly logger: Logger
  readonly metrics: Metrics
  readonly health: Health
  /** Bounds the connections of the port. */
  readonly connections: ConnectionGate
  /** For the sampling of log lines. */
  readonly monotonicMs?: () => number
}

/** Every method that the port has. */
const SERVED_PATHS = [ACCESS_LOG_SERVICE.streamAccessLogs.path, ...HEALTH_PATHS]

/** A sender that vanished without a word (a dead node) is found out after this. */
const KEEPALIVE_MS = 120_000
/** Long: the answer stands behind what the sender has sent, which may have to wait. */
const KEEPALIVE_TIMEOUT_MS = 60_000
/** Streams of one age would all end together: each gets ± this part of it. */
const AGE_JITTER = 0.1
/** Envoy resets a stream that was ended within a round trip; more than this is not waited for. */
const FAREWELL_MS = 1000
/** A connection without a call is closed after this, ms. */
const IDLE_MS = 300_000
/** How often progress is looked for, as a part of the time that it has. */
const LOOKS = 12
/** `stop` without a `drain` before it. */
const STOP_GRACE_MS = 2000

/**
 * Receives access logs over gRPC. A stream is never failed because of its data, and is read as fast as
 * it comes: what cannot be handled is counted. In order within a stream; a message is handled
 * once, or not at all if its stream is cut before it arrived whole.
 */
export class AccessLogReceiver implements Component {
  readonly #config: ReceiverConfig
  readonly #deps: ReceiverDependencies
  readonly #counters = new ReceiverCounters()
  readonly #calls = new Set<ServedCall>()
  readonly #logger: SampledLogger
  readonly #otherCalls: OtherCalls
  readonly #reading: Reading
  readonly #callGate: CallGate
  readonly #handshakes: Handshakes
  readonly #failedConnections: FailedConnections
  readonly #turns = new ReadTurns()
  readonly #turnOf = new WeakMap<Http2Session, ReadTurn>()
  #progressTimer: NodeJS.Timeout | undefined
  #tlsFiles: TlsFiles | undefined
  #server: Server | undefined
  readonly #sessions = new Set<ServerHttp2Session>()
  #address: ListenAddress | undefined
  #forgetHealth: (() => void) | undefined
  #drained: Promise<void> | undefined
  /** True once new streams are ended as they come: their senders have had our GOAWAY. */
  #closing = false
  #allClosed: (() => void) | undefined

  constructor(config: ReceiverConfig, deps: ReceiverDependencies) {
    this.#config = config
    this.#deps = deps
    const monotonicMs = deps.monotonicMs ?? (() => performance.now())
    this.#logger = new SampledLogger(deps.logger, { monotonicMs })
    this.#callGate = new CallGate(config.maxStreams)
    this.#handshakes = new Handshakes(() => performance.now())
    this.#reading = {
      limits: { messageBytes: config.maxMessageBytes, compressedBytes: MAX_UNPACKED_BYTES },
      counters: this.#counters,
      budget: new ReadBudget(config.readBudgetBytes),
      unpacker: new Unpacker(this.#counters),
      turnOf: ({ stream: { session } }) => session && this.#turnOf.get(session),
    }
    this.#otherCalls = new OtherCalls(SERVED_PATHS, this.#logger)
    this.#failedConnections = new FailedConnections((one) => this.#otherCalls.failed(one))
    declareReceiverMetrics(deps.metrics, this.#counters, {
      otherCalls: () => this.#otherCalls.report(),
      certificates: () => this.#tlsFiles,
      heldBytes: () => this.#calls.values().reduce((sum, { held }) => sum + held, 0),
      turns: this.#turns,
      ...this.#reading,
    })
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#calls.size
  }

  /** Calls for services that are not served here, and connections that failed, by path and status. */
  otherCalls(): readonly OtherCall[] {
    return this.#otherCalls.report()
  }

  /** The certificates that it works with; none in plain text. */
  certificates(): readonly CertificateReport[] {
    return this.#tlsFiles?.report() ?? []
  }

  /** Connections that were held (see `AccessLogStream.message`) are read again. */
  release(): void {
    this.#turns.release()
  }

  /** Listens. Throws `listen_failed`, `bad_listen_address` or `bad_tls_files`. */
  async start(): Promise<void> {
    const { listen, tls, tlsLookEveryMs } = this.#config
    const address = parseListenAddress(listen)
    if (tls.certFile !== '') this.#tlsFiles = new TlsFiles(tls, this.#logger, tlsLookEveryMs)
    const credentials = serverCredentials(this.#tlsFiles)
    // It would write errors to standard error beside our log; we tell them ourselves.
    setLogVerbosity(logVerbosity.NONE)
    const server = new Server({
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_connection_idle_ms': IDLE_MS,
      // Its bookkeeping costs time for every message, and nobody reads it.
      'grpc.enable_channelz': 0,
    })
    const known = openUp(server, {
      listening: (http2Server) => {
        // Who connects and says nothing gives way, also to a newcomer from the same address.
        this.#deps.connections.givesWay = (socket) => this.#handshakes.has(socket)
        this.#deps.connections.guard(http2Server)
        this.#failedConnections.watch(http2Server)
        http2Server.on('connection', (socket: Socket) => this.#handshakes.began(socket))
      },
      connected: (session) => this.#connected(session),
      called: (stream, headers) => this.#called(stream, headers),
    })
    if (!known) {
      this.#deps.logger.warn('grpc-js is not the known one: connections and calls have no bounds')
    }
    server.addService(ACCESS_LOG_SERVICE, {
      streamAccessLogs: (call: GrpcCall, respond: ConstructorParameters<typeof ServedCall>[1]) =>
        this.#serve(call, respond),
    })
    this.#forgetHealth = addHealthService(server, this.#deps.health)
    this.#server = server
    this.#address = { host: address.host, port: await bind(server, address, credentials) }
    this.#tlsFiles?.start()
    this.#watchProgress()
  }

  /** Slow senders may be slow; those that have stopped make room. */
  #watchProgress(): void {
    const { messageTimeoutMs } = this.#config
    const everyMs = messageTimeoutMs / LOOKS
    this.#progressTimer = setInterval(() => {
      this.#counters.silentConnections += this.#handshakes.close(messageTimeoutMs)
      for (const call of this.#calls) call.checkProgress(everyMs, messageTimeoutMs)
    }, everyMs).unref()
  }

  /** Where it listens; the port is the real one. Throws before `start`. */
  address(): ListenAddress {
    if (this.#address === undefined) throw new ServiceError('not_started', 'not listening yet')
    return this.#address
  }

  /**
   * Ends all streams with status OK while still listening, so that senders lose nothing; then sends
   * GOAWAY and closes. Resolves when all is closed, after `graceMs` by force. Twice is once.
   */
  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs)
    return this.#drained
  }

  async stop(): Promise<void> {
    await this.drain(STOP_GRACE_MS)
  }

  async #drain(graceMs: number): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    clearInterval(this.#progressTimer)
    for (const call of this.#calls) call.end()
    await this.#streamsClosed(Math.min(FAREWELL_MS, graceMs / 2))
    // From here on nobody can connect; streams that came meanwhile are told to go.
    this.#closing = true
    const shutdown = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    for (const call of this.#calls) call.end()
    await within(Math.max(0, graceMs - FAREWELL_MS), shutdown)
    server.forceShutdown()
    // Without channelz grpc-js 1.14 forgets its connections: forceShutdown leaves them open.
    for (const session of this.#sessions) session.destroy()
    await this.#streamsClosed(FAREWELL_MS)
    this.#forgetHealth?.()
    this.#tlsFiles?.stop()
  }

  /** Resolves when no stream is open, after `timeoutMs` anyway. */
  async #streamsClosed(timeoutMs: number): Promise<void> {
    if (this.#calls.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#allClosed = resolve
    await within(timeoutMs, promise)
    this.#allClosed = undefined
  }

  /** Looks at every call, also at those that grpc-js answers by itself; false if it was answered here. */
  #called(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    if (stream.session !== undefined) this.#turnOf.get(stream.session)?.arrived()
    if (!this.#callGate.admit(stream, headers)) {
      this.#counters.refusedStreams++
      return false
    }
    const { remoteAddress = '', remotePort = 0 } = stream.session?.socket ?? {}
    const sender = formatAddress({ host: remoteAddress, port: remotePort })
    if (this.#otherCalls.called(headers, sender)) discard(stream)
    return true
  }

  #serve(call: GrpcCall, respond: ConstructorParameters<typeof ServedCall>[1]): void {
    const served = new ServedCall(call, respond, {
      openStream: (sender) => this.#deps.openStream(sender),
      counters: this.#counters,
      logger: this.#logger,
      reading: this.#reading,
      hold: (crowding, turn) => this.#turns.hold(crowding === Crowding.all ? undefined : turn),
      onClosed: (closed) => this.#closed(closed),
    })
    this.#calls.add(served)
    const { maxStreamAgeMs } = this.#config
    if (maxStreamAgeMs > 0) {
      served.limitAge(maxStreamAgeMs * (1 - AGE_JITTER + Math.random() * 2 * AGE_JITTER))
    }
    if (this.#closing) served.end()
  }

  #connected(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    const turn = this.#takeTurns(session)
    this.#handshakes.follow(session, turn)
    this.#failedConnections.follow(session)
    session.once('close', () => {
      this.#sessions.delete(session)
      if (turn !== undefined) this.#turns.leave(turn)
    })
  }

  #takeTurns(session: ServerHttp2Session): ReadTurn | undefined {
    const handle = readHandleOf(session)
    if (handle === undefined) return undefined
    const turn = this.#turns.join(addressKey(session.socket.remoteAddress ?? ''), handle)
    this.#turnOf.set(session, turn)
    return turn
  }

  #closed(call: ServedCall): void {
    this.#calls.delete(call)
    if (this.#calls.size === 0) this.#allClosed?.()
  }
}

/** Binds and gives the real port. */
function bind(server: Server, at: ListenAddress, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(formatAddress(at), credentials, (error, port) => {
      if (error === null) resolve(port)
      else reject(listenError(at, error))
    })
  })
}

function listenError(at: ListenAddress, error: Error): ServiceError {
  // grpc-js wraps what the system said: "No address added … errors: [listen EADDRINUSE: …]".
  const reason = /errors: \[(.*)\]/.exec(error.message)?.[1] ?? error.message
  return new ServiceError(
    'listen_failed',
    `cannot listen on ${formatAddress(at)} for access logs (${reason}); is another program listening there? see als.listen`,
    { cause: error },
  )
}
