import type { ConnectionsQuery } from './connections.ts'
import type { TotalsQuery } from './totals.ts'

/** What can be asked of a file. */
export type QueryRequest =
  | { readonly kind: 'totals'; readonly query: TotalsQuery }
  | { readonly kind: 'connections'; readonly query: ConnectionsQuery }
  | { readonly kind: 'hidden-hops'; readonly nowMs: number; readonly flushIntervalMs: number }

/** What a process is sent. */
export interface QueryQuestion {
  readonly request: QueryRequest
  /** Whether large sorts may use temporary files; else they use memory. */
  readonly sortOnDisk: boolean
}

/** What it sends back; `json` is UTF-8 of a `PageAsText`. */
export type QueryAnswer =
  | { readonly json: Uint8Array }
  | { readonly failure: { readonly code: string; readonly message: string } }
