import type { ContentMode } from './record.ts'

/** How the sink reaches Kafka, and what it sends; what each value means is in `config/options.ts`. */
export interface KafkaConfig {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly topic: string
  readonly mode: ContentMode
  readonly clientId: string
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly batchEvents: number
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly tls: {
    readonly enabled: boolean
    readonly caFile: string
    readonly certFile: string
    readonly keyFile: string
  }
  readonly sasl: {
    readonly mechanism: 'none' | 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
    readonly passwordFile: string
  }
  readonly createTopic: {
    readonly enabled: boolean
    readonly partitions: number
    readonly replicationFactor: number
    readonly retentionMs: number
  }
}
