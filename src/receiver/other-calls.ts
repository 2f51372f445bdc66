import type { IncomingHttpHeaders } from 'node:http2'
import type { OtherCall } from '../model/receiver-report.ts'
import type { SampledLogger } from '../telemetry/sampled-logger.ts'
import type { FailedConnection } from './failed-connections.ts'

/**
 * Services that senders are pointed at this port for by mistake, or ask for by habit. Every other
 * path counts as `other`, so that a caller cannot make up labels.
 */
const KNOWN_PATHS: ReadonlySet<string> = new Set([
  '/envoy.service.accesslog.v2.AccessLogService/StreamAccessLogs',
  '/envoy.service.metrics.v3.MetricsService/StreamMetrics',
  '/envoy.service.metrics.v2.MetricsService/StreamMetrics',
  '/envoy.service.trace.v3.TraceService/StreamTraces',
  '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
])

const LONGEST_PATH = 200

const LINES: Readonly<Record<FailedConnection['status'], string>> = {
  not_http2:
    'a connection to the access log port is not HTTP/2: TLS to a port without it, or HTTP/1.1',
  plain_text: 'a connection to the access log port is plain text; als.tls is set',
  tls_failed: 'a connection to the access log port failed in TLS',
}

/**
 * Counts calls for services that this port does not have (they are answered by grpc-js), and connections
 * that failed before a call.
 */
export class OtherCalls {
  readonly #served: ReadonlySet<string>
  readonly #logger: SampledLogger
  readonly #nowMs: () => number
  readonly #calls = new Map<string, OtherCall>()

  /** `served`: the paths that the port has; `nowMs`: the wall clock, unix ms. */
  constructor(served: readonly string[], logger: SampledLogger, nowMs = () => Date.now()) {
    this.#served = new Set(served)
    this.#logger = logger
    this.#nowMs = nowMs
  }

  /** A call has begun; true if it is for a service that the port does not have. */
  called(headers: IncomingHttpHeaders, sender: string): boolean {
    const calledPath = (headers[':path'] ?? '').slice(0, LONGEST_PATH)
    const isGrpc = headers['content-type']?.startsWith('application/grpc') ?? false
    if (isGrpc && this.#served.has(calledPath)) return false
    const path = KNOWN_PATHS.has(calledPath) || this.#served.has(calledPath) ? calledPath : 'other'
    const status = isGrpc ? 'UNIMPLEMENTED' : 'not_grpc'
    this.#count(path, status, { sender, calledPath })
    this.#logger.warn(
      { path: calledPath, status, peer: sender },
      'a call for a service that is not served on the access log port',
    )
    return true
  }

  /** A connection failed before it could carry a call. */
  failed({ status, detail, sender }: FailedConnection): void {
    this.#count('none', status, { sender, calledPath: detail })
    this.#logger.warn({ status, detail, peer: sender }, LINES[status])
  }

  #count(
    path: string,
    status: OtherCall['status'],
    newest: Pick<OtherCall, 'sender' | 'calledPath'>,
  ): void {
    const key = `${status} ${path}`
    const calls = (this.#calls.get(key)?.calls ?? 0) + 1
    this.#calls.set(key, { path, status, calls, ...newest, lastMs: this.#nowMs() })
  }

  /** What was called, by path and status. */
  report(): readonly OtherCall[] {
    return [...this.#calls.values()]
  }
}
