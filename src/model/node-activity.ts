import type { Node } from './source.ts'

/** When a node has sent messages, unix ms of arrival, and what it has left behind. */
export interface ActivityReport {
  readonly node: Node
  /** The first of the last hours, and the last; 0 = it has sent nothing to this process. */
  readonly firstMs: number
  readonly lastMs: number
  /** Whether it has sent entries other than ends: then silence on an open connection means something. */
  readonly periodic: boolean
  /** Connections that went silent without an end, since it last sent anything. */
  readonly orphaned: number
}
