import { type Destination, INVALID_NAME, type NameSource } from '../model/destination.ts'

/** A name that no other can better: an SNI that the connection's client chose. */
export const BEST_RANK = 6

const RANKS: Readonly<Record<NameSource, number>> = {
  sni: BEST_RANK,
  cluster: 5,
  authority: 3,
  address: 2,
  none: 0,
}
/** A name out of the mesh's own SNI comes after the host of the entry's cluster (ADR 10). */
const MESH_SNI_RANK = 4
const INVALID_RANK = 1
/** An address that the client has written is where it wanted to go, before where it was led. */
const ADDRESS_TEXT_RANK = 2.5

/**
 * How good a name is: that of the better source wins where a connection has more than one. `isMeshSni`:
 * it is the SNI of the mesh's own TLS, or a cluster's host that only such an SNI names.
 */
export function rankOf({ name, nameSource }: Destination, isMeshSni: boolean): number {
  if (name === INVALID_NAME) return INVALID_RANK
  if (nameSource !== 'address' && isAddress(name)) return ADDRESS_TEXT_RANK
  const isBySni = nameSource === 'sni' || nameSource === 'cluster'
  return isMeshSni && isBySni ? MESH_SNI_RANK : RANKS[nameSource]
}

/** Whether a name that passed the check, or an address in its place, is an address. */
function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name)
}

interface Found {
  readonly destination: Destination
  readonly rank: number
  /** The first SNI of the connection that is no name, as it was sent. */
  readonly invalidSni: string | undefined
}

/**
 * The best names so far of connections of which nothing is booked yet, by row. Nothing of them is in a
 * name budget: only the name that a connection gets takes a place there.
 */
export class WaitingNames {
  readonly #found = new Map<number, Found>()

  /** Takes a name for the row, if it is better than the one before; gives the better one. */
  offer(row: number, destination: Destination, rank: number, invalidSni?: string): Found {
    const known = this.#found.get(row)
    const isNewSni = invalidSni !== undefined && known?.invalidSni === undefined
    if (known !== undefined && known.rank >= rank && !isNewSni) return known
    const better = known !== undefined && known.rank >= rank ? known : { destination, rank }
    const found = { ...better, invalidSni: known?.invalidSni ?? invalidSni }
    this.#found.set(row, found)
    return found
  }

  /** The row waits no longer; the best name it had, if any. */
  take(row: number): Found | undefined {
    const known = this.#found.get(row)
    if (known !== undefined) this.#found.delete(row)
    return known
  }
}
