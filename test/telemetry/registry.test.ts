import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from '../../src/telemetry/registry.ts'

/** The value lines of a metric. */
async function values(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text()
  return text.split('\n').filter((line) => line.startsWith(name))
}

test('pulled metrics say what is true when they are asked', async () => {
  const metrics = new Metrics({ process: false })
  let streams = 3
  let messages = 10
  metrics.gauge({ name: 'snimeter_streams', help: 'Streams.', read: () => streams })
  metrics.counter({ name: 'snimeter_messages_total', help: 'Messages.', read: () => messages })
  assert.deepEqual(await values(metrics, 'snimeter_streams'), ['snimeter_streams 3'])
  streams = 1
  messages = 12
  assert.deepEqual(await values(metrics, 'snimeter_streams'), ['snimeter_streams 1'])
  assert.deepEqual(await values(metrics, 'snimeter_messages_total'), ['snimeter_messages_total 12'])
  // Asking again counts nothing twice.
  assert.deepEqual(await values(metrics, 'snimeter_messages_total'), ['snimeter_messages_total 12'])
})

test('labelled values come and go with what is read', async () => {
  const metrics = new Metrics({ process: false })
  const rejected = new Map([
    ['shed', 2],
    ['no_room', 5],
  ])
  metrics.counter({
    name: 'snimeter_rejected_total',
    help: 'Rejected.',
    labelNames: ['reason'],
    read: () => [...rejected].map(([reason, value]) => ({ labels: { reason }, value })),
  })
  assert.deepEqual(await values(metrics, 'snimeter_rejected_total'), [
    'snimeter_rejected_total{reason="shed"} 2',
    'snimeter_rejected_total{reason="no_room"} 5',
  ])
  rejected.delete('shed')
  assert.deepEqual(await values(metrics, 'snimeter_rejected_total'), [
    'snimeter_rejected_total{reason="no_room"} 5',
  ])
})

test('a metric that cannot be read is left out and counted, the others are there', async () => {
  const metrics = new Metrics({ process: false })
  metrics.gauge({
    name: 'snimeter_broken',
    help: 'Broken.',
    read: () => {
      throw new Error('gone')
    },
  })
  metrics.gauge({ name: 'snimeter_fine', help: 'Fine.', read: () => 1 })
  assert.deepEqual(await values(metrics, 'snimeter_broken'), [])
  assert.deepEqual(await values(metrics, 'snimeter_fine'), ['snimeter_fine 1'])
  // Two answers before this one could not read it.
  const name = 'snimeter_metrics_read_failures_total'
  assert.deepEqual(await values(metrics, name), [`${name} 2`])
})

test('a histogram is filled by its owner', async () => {
  const metrics = new Metrics({ process: false })
  const seconds = metrics.histogram({
    name: 'snimeter_commit_seconds',
    help: 'Commits.',
    buckets: [0.1, 1],
  })
  seconds.observe(0.05)
  seconds.observe(0.5)
  assert.deepEqual(await values(metrics, 'snimeter_commit_seconds'), [
    'snimeter_commit_seconds_bucket{le="0.1"} 1',
    'snimeter_commit_seconds_bucket{le="1"} 2',
    'snimeter_commit_seconds_bucket{le="+Inf"} 2',
    'snimeter_commit_seconds_sum 0.55',
    'snimeter_commit_seconds_count 2',
  ])
})

test('the process and the build describe themselves', async () => {
  const text = await new Metrics({ build: { version: '1.2.3' } }).text()
  assert.match(text, /^snimeter_build_info\{version="1\.2\.3"\} 1$/m)
  assert.match(text, /^process_resident_memory_bytes \d+$/m)
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m)
})

test('names that break the rules are refused where they are declared', () => {
  const metrics = new Metrics({ process: false })
  const help = 'x'
  const read = () => 1
  assert.throws(() => metrics.gauge({ name: 'streams', help, read }))
  assert.throws(() => metrics.counter({ name: 'snimeter_messages', help, read }))
})
