import type { Metrics } from '../telemetry/registry.ts'

/** What the receiver counts: plain numbers, read when somebody asks. */
export class ReceiverCounters {
  streamsOpened = 0
  streamsEnded = 0
  messages = 0
  bytes = 0
  handlerErrors = 0
  oversizedMessages = 0
}

export function declareReceiverMetrics(metrics: Metrics, counters: ReceiverCounters): void {
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
    read: () => counters.messages,
  })
  metrics.counter({
    name: 'snimeter_receiver_message_bytes_total',
    help: 'Bytes of these messages, without framing.',
    read: () => counters.bytes,
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
