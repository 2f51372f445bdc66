import type { Node } from './source.ts'

/** How a node has reported lately; counts are of entries unless said otherwise. */
export interface NodeReport {
  readonly node: Node
  /** Envoy's release, major * 1000 + minor (1.40 = 1040); 0 = not told. */
  readonly envoyMinor: number
  readonly entries: number
  /** Not the last word: periodic ones, and those of a beginning. */
  readonly periodic: number
  /** Last words of connections. */
  readonly ends: number
  /** … that lasted two minutes or longer. */
  readonly longEnds: number
  /** … without a type: of an Envoy before 1.27, or of a log on the listener. */
  readonly untypedEnds: number
  /** Refused for want of a connection id. */
  readonly withoutId: number
  /** Connections attributed. */
  readonly connections: number
  /** … of which neither name nor cluster told where they went. */
  readonly unnamed: number
  /** Ends of connections whose end had been told. */
  readonly endedAgain: number
  /** Refused: about connections that another node had reported first. */
  readonly ofOthers: number
  /** Ends that say a time further back than anything explains: their arrival counted. */
  readonly disbelieved: number
  /** How far back the oldest of those lay at its arrival, ms; 0 without any. */
  readonly furthestMs: number
  /** Least time from an end, by the node's clock, to its arrival; negative = the node is ahead. ms. */
  readonly lagMs: number | undefined
  /** Messages that told an end: how much `lagMs` is worth. */
  readonly messagesWithEnds: number
}
