/** Bits of an entry's shape: how many entries of each shape a node sends tells how it is set up. */
export const Shape = {
  /** It ends its connection or request. */
  final: 1,
  /** It is about a request. */
  request: 2,
  /** It has no type: an Envoy before 1.27, or a log on the listener. */
  untyped: 4,
  /** It ends what lasted for `LONG_MS` or longer. */
  long: 8,
} as const

/** How many shapes there are. */
export const SHAPES = 16

/** What lasted this long should have been spoken of before its end, ms. */
export const LONG_MS = 120_000
