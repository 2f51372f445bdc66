import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declareFanOutMetrics, declareSinkConditions } from '../../src/fan-out/metrics.ts'
import { Metrics } from '../../src/telemetry/registry.ts'

test('the metrics of the sinks: what each has waiting, in seconds, and what was done', async () => {
  const metrics = new Metrics({ process: false })
  declareFanOutMetrics(metrics, {
    sinks: () => [
      {
        name: 'kafka',
        configured: true,
        restored: true,
        hours: 3,
        events: 7,
        parked: 2,
        oldestMs: 1500,
        lagMs: 61_000,
      },
      {
        name: 'old',
        configured: false,
        restored: false,
        hours: 0,
        events: 0,
        parked: 0,
        oldestMs: 0,
        lagMs: 0,
      },
    ],
    stats: () => ({
      kafka: { sent: 12, acknowledged: 8, retried: 3, parkedByReason: { message_too_large: 1 } },
    }),
    restarts: () => 4,
  })
  const lines = (await metrics.text()).split('\n')
  assert.deepEqual(
    lines.filter((line) => /^snimeter_(outbox|sink|fan_out)_/.test(line)),
    [
      'snimeter_outbox_events{sink="kafka"} 7',
      'snimeter_outbox_events{sink="old"} 0',
      'snimeter_outbox_parked{sink="kafka"} 2',
      'snimeter_outbox_parked{sink="old"} 0',
      'snimeter_outbox_oldest_seconds{sink="kafka"} 1.5',
      'snimeter_outbox_oldest_seconds{sink="old"} 0',
      'snimeter_sink_lag_seconds{sink="kafka"} 61',
      'snimeter_sink_lag_seconds{sink="old"} 0',
      'snimeter_sink_configured{sink="kafka"} 1',
      'snimeter_sink_configured{sink="old"} 0',
      'snimeter_sink_hours_waiting{sink="kafka"} 3',
      'snimeter_sink_hours_waiting{sink="old"} 0',
      'snimeter_sink_restored{sink="kafka"} 1',
      'snimeter_sink_restored{sink="old"} 0',
      'snimeter_sink_events_sent_total{sink="kafka"} 12',
      'snimeter_sink_events_acknowledged_total{sink="kafka"} 8',
      'snimeter_sink_retries_total{sink="kafka"} 3',
      'snimeter_sink_refused_total{sink="kafka",reason="message_too_large"} 1',
      'snimeter_fan_out_restarts_total 4',
    ],
  )
})

test('the condition of each sink is one of three', async () => {
  const metrics = new Metrics({ process: false })
  declareSinkConditions(metrics, () => ({ kafka: 'refusing', files: 'up' }))
  const lines = (await metrics.text()).split('\n')
  assert.deepEqual(
    lines.filter((line) => line.startsWith('snimeter_sink_condition{') && line.endsWith(' 1')),
    [
      'snimeter_sink_condition{sink="kafka",condition="refusing"} 1',
      'snimeter_sink_condition{sink="files",condition="up"} 1',
    ],
  )
  assert.equal(lines.filter((line) => line.startsWith('snimeter_sink_condition{')).length, 6)
})
