/** Where the name that bytes are billed to came from. */
export type NameSource = 'sni' | 'cluster' | 'authority' | 'address' | 'none'

/** A name that bytes are billed to, with its origin. The pair is the identity of a destination. */
export interface Destination {
  /** Lower case, no trailing dot; one of the reserved names below; an IP address; or '' for `none`. */
  readonly name: string
  readonly nameSource: NameSource
}

/** Names beyond a budget. Client-sent names starting with `__` never pass, so these cannot be forged. */
export const OTHER_NAME = '__other__'
/** Names that fail the check (charset, length, reserved prefix). */
export const INVALID_NAME = '__invalid__'
