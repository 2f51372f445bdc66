/**
 * The whole configuration after defaults, file, environment and flags; durations in ms, sizes in
 * bytes. What each value means, its default and range are in `config/options.ts`, in one place.
 */
export interface Config {
  readonly als: {
    readonly listen: string
    readonly maxMessageBytes: number
    readonly tls: {
      readonly certFile: string
      readonly keyFile: string
      readonly clientCaFile: string
    }
    /** 0 = streams are never ended by us. */
    readonly maxStreamAgeMs: number
  }
  readonly http: { readonly listen: string }
  readonly store: {
    readonly path: string
    readonly commitIntervalMs: number
    readonly retention: {
      readonly minutesMs: number
      readonly hoursMs: number
      readonly connectionsMs: number
    }
  }
  readonly rollup: {
    readonly windowSeconds: number
    readonly graceMs: number
    readonly pendingRows: number
    readonly names: { readonly perWorkloadPerDay: number; readonly perDay: number }
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
  readonly shutdown: { readonly propagationDelayMs: number; readonly deadlineMs: number }
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error'
    readonly format: 'auto' | 'json' | 'pretty'
  }
}
