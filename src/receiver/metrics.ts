import type { OtherCall } from '../model/receiver-report.ts'
import type { Metrics } from '../telemetry/registry.ts'
import type { ReadBudget } from './read-budget.ts'
import type { ReadTurns } from './read-turns.ts'
import type { TlsFiles } from './tls-files.ts'
import type { Unpacker } from './unpacker.ts'

/** What the receiver counts: plain numbers, read when somebody asks. */
export class ReceiverCounters {
  streamsOpened = 0
  streamsEnded = 0
  messages = 0
  bytes = 0
  handlerErrors = 0
  oversizedMessages = 0
  /** Of messages that were handled in parts: parts and bytes beyond those of the messages. */
  extraParts = 0
  extraBytes = 0
  silentStreams = 0
  stalledStreams = 0
  refusedStreams = 0
  /** Connections without HTTP/2 preface in time. */
  silentConnections = 0
}

/** What is read from parts of the receiver when somebody asks. */
export interface ReceiverReports {
  readonly otherCalls: () => readonly OtherCall[]
  /** Undefined without TLS. */
  readonly certificates: () => TlsFiles | undefined
  /** Bytes that all streams hold, read and not handled. */
  readonly heldBytes: () => number
  readonly budget: ReadBudget
  readonly turns: ReadTurns
  readonly unpacker: Unpacker
}

export function declareReceiverMetrics(
  metrics: Metrics,
  counters: ReceiverCounters,
  { otherCalls, certificates, heldBytes, budget, turns, unpacker }: ReceiverReports,
): void {
  metrics.gauge({
    name: 'snimeter_receiver_read_bytes',
    help: 'Bytes that are read and not handled: of unfinished messages, and of streams that wait.',
    read: heldBytes,
  })
  metrics.gauge({
    name: 'snimeter_receiver_waiting_streams',
    help: 'Streams that are not read until als.read_budget has room for them.',
    read: () => budget.waiting,
  })
  metrics.counter({
    name: 'snimeter_receiver_overlong_turns_total',
    help: 'Turns of the event loop that were ended because senders brought more than it can handle.',
    read: () => turns.overlong,
  })
  metrics.counter({
    name: 'snimeter_receiver_holds_total',
    help: 'Times that a connection, or all, were not read until a commit made room.',
    read: () => turns.holds,
  })
  metrics.counter({
    name: 'snimeter_receiver_streams_cut_total',
    help: 'Streams ended by us: silent and stalled by als.message_timeout, memory by als.read_budget.',
    labelNames: ['reason'],
    read: () => [
      { labels: { reason: 'silent' }, value: counters.silentStreams },
      { labels: { reason: 'stalled' }, value: counters.stalledStreams },
      { labels: { reason: 'memory' }, value: budget.cuts },
    ],
  })
  metrics.counter({
    name: 'snimeter_receiver_streams_refused_total',
    help: 'Calls refused because their sender has its share of als.max_streams open.',
    read: () => counters.refusedStreams,
  })
  metrics.counter({
    name: 'snimeter_receiver_silent_connections_total',
    help: 'Connections closed because they did not begin HTTP/2 within als.message_timeout.',
    read: () => counters.silentConnections,
  })
  metrics.counter({
    name: 'snimeter_receiver_compressed_messages_total',
    help: 'Compressed messages, read or refused (too large, damaged, an unknown encoding).',
    labelNames: ['result'],
    read: () => [
      { labels: { result: 'read' }, value: unpacker.unpacked },
      { labels: { result: 'refused' }, value: unpacker.refused },
    ],
  })
  metrics.counter({
    name: 'snimeter_receiver_other_calls_total',
    help: 'Calls on the access log port for services that are not served there, and connections that failed before a call (path none).',
    labelNames: ['path', 'status'],
    read: () =>
      otherCalls().map(({ path, status, calls }) => ({ labels: { path, status }, value: calls })),
  })
  metrics.gauge({
    name: 'snimeter_receiver_certificate_expiry_seconds',
    help: 'When a certificate of als.tls expires, unix time; of client CAs the last of them.',
    labelNames: ['certificate'],
    read: () =>
      (certificates()?.report() ?? []).map(({ certificate, notAfterMs }) => ({
        labels: { certificate },
        value: notAfterMs / 1000,
      })),
  })
  metrics.counter({
    name: 'snimeter_receiver_certificate_renewals_total',
    help: 'Times that changed files of als.tls were taken up.',
    read: () => certificates()?.renewals ?? 0,
  })
  metrics.counter({
    name: 'snimeter_receiver_certificate_failures_total',
    help: 'Looks at the files of als.tls that found a set which does not work; the last good one is served.',
    read: () => certificates()?.failures ?? 0,
  })
  metrics.gauge({
    name: 'snimeter_receiver_streams',
    help: 'Access log streams that are open.',
    read: () => counters.streamsOpened - counters.streamsEnded,
  })
  metrics.counter({
    name: 'snimeter_receiver_streams_opened_total',
    help: 'Access log streams that were opened.',
    read: () => counters.streamsOpened,
  })
  metrics.counter({
    name: 'snimeter_receiver_streams_ended_total',
    help: 'Access log streams that ended, by either side or with their connection.',
    read: () => counters.streamsEnded,
  })
  metrics.counter({
    name: 'snimeter_receiver_messages_total',
    help: 'Messages received whole.',
    read: () => counters.messages - counters.extraParts,
  })
  metrics.counter({
    name: 'snimeter_receiver_message_bytes_total',
    help: 'Bytes of these messages, without framing.',
    read: () => counters.bytes - counters.extraBytes,
  })
  metrics.counter({
    name: 'snimeter_receiver_handler_errors_total',
    help: 'Messages whose handling failed; their entries are lost. A bug.',
    read: () => counters.handlerErrors,
  })
  metrics.counter({
    name: 'snimeter_receiver_oversized_messages_total',
    help: 'Messages above als.max_message_size; each ended its stream.',
    read: () => counters.oversizedMessages,
  })
}
