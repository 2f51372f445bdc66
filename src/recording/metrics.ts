import type { Metrics } from '../telemetry/registry.ts'

/** What the recording counts: plain numbers, read when somebody asks. */
export class RecordingCounters {
  messages = 0
  dropped = 0
  failures = 0
}

export function declareRecordingMetrics(metrics: Metrics, counters: RecordingCounters): void {
  metrics.counter({
    name: 'snimeter_recording_messages_total',
    help: 'Messages that were to be recorded.',
    read: () => counters.messages,
  })
  metrics.counter({
    name: 'snimeter_recording_messages_dropped_total',
    help: 'Of these, messages that are not in the recording because its disk failed; usage counts them.',
    read: () => counters.dropped,
  })
  metrics.counter({
    name: 'snimeter_recording_failures_total',
    help: 'Failures of the disk that is recorded to.',
    read: () => counters.failures,
  })
}
