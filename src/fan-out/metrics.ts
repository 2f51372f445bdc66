import type { Finding } from '../model/finding.ts'
import type { SinkState } from '../model/outbox.ts'
import type { RelayStats } from '../outbox/relay.ts'
import type { SinkCondition } from '../outbox/sink-log.ts'
import type { Metrics } from '../telemetry/registry.ts'

export interface FanOutFigures {
  /** As of the last commit. */
  readonly sinks: () => readonly SinkState[]
  readonly stats: () => Readonly<Record<string, RelayStats>>
  readonly restarts: () => number
}

const CONDITIONS: readonly SinkCondition[] = ['up', 'down', 'refusing']

/** Declares whether each sink takes events. */
export function declareSinkConditions(
  metrics: Metrics,
  conditions: () => Readonly<Record<string, SinkCondition>>,
): void {
  metrics.gauge({
    name: 'snimeter_sink_condition',
    help: '1 for the condition of the sink: up, down (events wait and are sent again) or refusing (it answers, and takes no event).',
    labelNames: ['sink', 'condition'],
    read: () =>
      Object.entries(conditions()).flatMap(([sink, current]) =>
        CONDITIONS.map((condition) => ({
          labels: { sink, condition },
          value: Number(condition === current),
        })),
      ),
  })
}

/** Declares what is wrong with the topics of the sinks. */
export function declareTopicFindings(
  metrics: Metrics,
  findings: () => Readonly<Record<string, readonly Finding[]>>,
): void {
  metrics.gauge({
    name: 'snimeter_kafka_topic_findings',
    help: 'What is wrong with the topic of the sink, by code: docs/kafka.md has them.',
    labelNames: ['sink', 'severity', 'code'],
    read: () =>
      Object.entries(findings()).flatMap(([sink, found]) =>
        found.map(({ severity, code }) => ({
          labels: { sink, severity, code },
          value: found.filter((one) => one.code === code && one.severity === severity).length,
        })),
      ),
  })
}

/** Declares what is known of the sinks; labels are their names from the configuration. */
export function declareFanOutMetrics(metrics: Metrics, figures: FanOutFigures): void {
  const { sinks, stats, restarts } = figures
  const perSink = (name: string, help: string, value: (state: SinkState) => number) => {
    const read = () =>
      sinks().map((state) => ({ labels: { sink: state.name }, value: value(state) }))
    metrics.gauge({ name, help, labelNames: ['sink'], read })
  }
  perSink(
    'snimeter_outbox_events',
    'Frozen events that the sink has not acknowledged; at most outbox.max_events.',
    ({ events }) => events,
  )
  perSink(
    'snimeter_outbox_parked',
    'Events that the sink has refused; tried again at SIGHUP and at every start.',
    ({ parked }) => parked,
  )
  perSink(
    'snimeter_outbox_oldest_seconds',
    'Age of the oldest event in the outbox; 0 if it is empty.',
    ({ oldestMs }) => oldestMs / 1000,
  )
  perSink(
    'snimeter_sink_lag_seconds',
    'From the last window of which the sink has everything to the newest closed one.',
    ({ lagMs }) => lagMs / 1000,
  )
  perSink(
    'snimeter_sink_configured',
    '0 for a sink that the file knows and the configuration does not: it holds minutes back until it is forgotten.',
    ({ configured }) => Number(configured),
  )
  perSink(
    'snimeter_sink_hours_waiting',
    'Marks of closed hours that are not acknowledged; 0 without kafka.hours_topic and files.hours.',
    ({ hours }) => hours,
  )
  perSink(
    'snimeter_sink_restored',
    '1 while the file is an older copy of one that has sent under this name: nothing is sent to the sink.',
    ({ restored }) => Number(restored),
  )
  const perRelay = (name: string, help: string, value: (stats: RelayStats) => number) => {
    const read = () =>
      Object.entries(stats()).map(([sink, one]) => ({ labels: { sink }, value: value(one) }))
    metrics.counter({ name, help, labelNames: ['sink'], read })
  }
  perRelay(
    'snimeter_sink_events_sent_total',
    'Events handed to the sink, repeats included.',
    ({ sent }) => sent,
  )
  perRelay(
    'snimeter_sink_events_acknowledged_total',
    'Events that the sink has acknowledged.',
    ({ acknowledged }) => acknowledged,
  )
  perRelay(
    'snimeter_sink_retries_total',
    'Events that had to be sent again.',
    ({ retried }) => retried,
  )
  metrics.counter({
    name: 'snimeter_sink_refused_total',
    help: 'Events that the sink has refused, by reason; they are parked.',
    labelNames: ['sink', 'reason'],
    read: () =>
      Object.entries(stats()).flatMap(([sink, { parkedByReason }]) =>
        Object.entries(parkedByReason).map(([reason, value]) => ({
          labels: { sink, reason },
          value,
        })),
      ),
  })
  metrics.counter({
    name: 'snimeter_fan_out_restarts_total',
    help: 'Times that the thread of the sinks died and was started again; a bug.',
    read: restarts,
  })
}
