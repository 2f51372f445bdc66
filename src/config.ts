/**
 * The whole configuration after defaults, file, environment and flags; durations in ms, sizes in
 * bytes. What each value means, its default and range are in `config/options.ts`, in one place.
 */
export interface Config {
  readonly als: {
    readonly listen: string
    readonly maxMessageBytes: number
    readonly maxConnections: number
    readonly maxStreams: number
    readonly readBudgetBytes: number
    readonly messageTimeoutMs: number
    readonly tls: {
      readonly certFile: string
      readonly keyFile: string
      readonly clientCaFile: string
    }
    /** 0 = streams are never ended by us. */
    readonly maxStreamAgeMs: number
  }
  readonly http: {
    readonly listen: string
    readonly allowedHosts: readonly string[]
    readonly queryTimeoutMs: number
    readonly connectionIds: boolean
  }
  readonly store: {
    readonly path: string
    readonly commitIntervalMs: number
    readonly retention: {
      readonly podsMs: number
      readonly minutesMs: number
      readonly hoursMs: number
      readonly connectionsMs: number
      /** Closed and orphaned connections in the file at most, by number and by bytes. */
      readonly maxConnections: number
      readonly maxConnectionBytes: number
    }
  }
  readonly rollup: {
    readonly windowSeconds: number
    readonly graceMs: number
    readonly pendingRows: number
    readonly names: { readonly perWorkloadPerDay: number; readonly perDay: number }
    readonly pods: { readonly perHour: number }
  }
  readonly ledger: {
    readonly maxConnections: number
    readonly maxRequests: number
    readonly flushIntervalMs: number
  }
  readonly memory: { readonly shedAboveBytes: number }
  /** Empty directory = no recording. */
  readonly record: {
    readonly directory: string
    readonly maxFileBytes: number
    readonly maxFiles: number
  }
  /** Name of the logical instance: the `source` of events. */
  readonly instance: string
  /** Bounds of what waits, per sink. */
  readonly outbox: { readonly maxEvents: number; readonly maxParked: number }
  /** No brokers = no Kafka sink. */
  readonly kafka: {
    readonly brokers: readonly string[]
    readonly name: string
    readonly topic: string
    /** Empty: closed hours are not marked. */
    readonly hoursTopic: string
    readonly mode: 'structured' | 'binary'
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
  /** Empty directory = no file sink. */
  readonly files: {
    readonly directory: string
    readonly name: string
    /** Closed hours are marked, in a folder of their own. */
    readonly hours: boolean
    readonly maxFileBytes: number
    readonly maxAgeMs: number
    readonly maxFiles: number
  }
  readonly gateways: {
    readonly billAt: 'sidecar' | 'gateway'
    readonly hosts: readonly string[]
  }
  readonly shutdown: { readonly propagationDelayMs: number; readonly deadlineMs: number }
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error'
    readonly format: 'auto' | 'json' | 'pretty'
  }
}
