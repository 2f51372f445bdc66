import type { IncomingHttpHeaders } from 'node:http2'
import type { OtherCall } from '../model/receiver-report.ts'
import type { SampledLogger } from '../telemetry/sampled-logger.ts'

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

/** Counts calls for services that this port does not have. They are answered by grpc-js. */
export class OtherCalls {
  readonly #served: ReadonlySet<string>
  readonly #logger: SampledLogger
  readonly #nowMs: () => number
  readonly #calls = new Map<string, { -readonly [K in keyof OtherCall]: OtherCall[K] }>()

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
    const key = `${status} ${path}`
    const known = this.#calls.get(key)
    const newest = { sender, calledPath, lastMs: this.#nowMs() }
    if (known === undefined) this.#calls.set(key, { path, status, calls: 1, ...newest })
    else Object.assign(known, { calls: known.calls + 1, ...newest })
    this.#logger.warn(
      { path: calledPath, status, peer: sender },
      'a call for a service that is not served on the access log port',
    )
    return true
  }

  /** What was called, by path and status. */
  report(): readonly OtherCall[] {
    return [...this.#calls.values()]
  }
}
