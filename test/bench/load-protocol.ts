import type { LoadShape } from './stream-load.ts'
import type { TruthRow } from './truth.ts'

/** What the bench asks of the load generator; one request at a time, each has one reply. */
export type LoadRequest =
  | {
      readonly type: 'connect'
      readonly host: string
      readonly port: number
      readonly streams: number
      readonly shape: LoadShape
      readonly seed: number
    }
  /** Sends for so long; 0 entries/s = as fast as the server reads. */
  | { readonly type: 'run'; readonly seconds: number; readonly entriesPerSecond: number }
  /** Sends so many messages on every stream. */
  | { readonly type: 'burst'; readonly messages: number }
  /** Ends every stream and waits for the server's status: all was received. */
  | { readonly type: 'end' }

export type LoadReply =
  | { readonly type: 'done' }
  | { readonly type: 'ran'; readonly result: RunResult }
  | { readonly type: 'truth'; readonly entries: number; readonly rows: readonly TruthRow[] }
  | { readonly type: 'failed'; readonly reason: string }

/** From the first byte sent until the server has taken everything. */
export interface RunResult {
  readonly entries: number
  readonly seconds: number
  /** CPU of the generator itself. */
  readonly cpuSeconds: number
}
