import type { KafkaConfig } from '../../src/kafka/config.ts'
import type { CloudEvent } from '../../src/model/usage-event.ts'
import { usageEvent } from '../../src/outbox/usage-event.ts'

/** The event of minute `minute` of one workload; `name` decides its size. */
export function someEvent(workload: string, minute: number, name = 'example.com'): CloudEvent {
  return usageEvent({
    ledgerId: '0123456789abcdef0123456789abcdef',
    instance: 'snimeter',
    sink: 'kafka',
    windowStartMs: Date.UTC(2026, 0, 1) + minute * 60_000,
    windowSeconds: 60,
    workload: { cluster: 'mesh', namespace: 'shop', kind: 'Deployment', name: workload },
    destination: { name, nameSource: 'sni' },
    revision: 1,
    reason: 'window_closed',
    total: {
      uploadBytes: 9_223_372_036_854_775_807n,
      downloadBytes: 2000n,
      estimatedBytes: 0n,
      connectionsOpened: 3n,
      connectionsClosed: 2n,
    },
    previous: undefined,
  })
}

/** Events of `workloads` in turn, one minute after the other. */
export function someEvents(count: number, workloads: readonly string[]): CloudEvent[] {
  return Array.from({ length: count }, (_, i) =>
    someEvent(workloads[i % workloads.length] as string, i),
  )
}

/** A configuration without encryption and password, with short deadlines. */
export function kafkaConfig(
  brokers: readonly string[],
  topic: string,
  overrides: Partial<KafkaConfig> = {},
): KafkaConfig {
  return {
    brokers,
    topic,
    mode: 'structured',
    clientId: 'snimeter-test',
    compression: 'none',
    batchEvents: 500,
    connectTimeoutMs: 5000,
    requestTimeoutMs: 10_000,
    tls: { enabled: false, caFile: '', certFile: '', keyFile: '' },
    sasl: { mechanism: 'none', username: '', password: '', passwordFile: '' },
    createTopic: { enabled: false, partitions: 4, replicationFactor: 1, retentionMs: 3_600_000 },
    ...overrides,
  }
}
