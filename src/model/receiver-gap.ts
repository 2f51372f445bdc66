/** A time in which no receiver took entries for a file: from the end of one to the start of the next. */
export interface ReceiverGap {
  /** `stopped`: the receiver ended in an orderly way; `crashed`: it did not, and the gap begins at its last commit. */
  readonly reason: 'stopped' | 'crashed'
  /** Unix ms. */
  readonly fromMs: number
  readonly toMs: number
  /** Nodes that reported in the quarter of an hour before it. */
  readonly nodesBefore: number
  /**
   * Of those, nodes whose Envoy is older than 1.39 or not known: a connection that ends while no receiver
   * answers is never reported by them.
   */
  readonly lossyNodes: number
  /** Connections that were open when it began. */
  readonly connections: number
}
