import { isIP } from 'node:net'
import type { Destination, NameSource } from '../model/destination.ts'
import { NO_TEXT, type SampleBatch, SampleKind } from '../model/sample.ts'
import { canonicalAddress } from '../runtime/ip-address-text.ts'
import { exactHostOfCluster, hostOfAuthority, normaliseName } from './destination-name.ts'

/** Addresses remembered as names at most; beyond it the memory begins anew. */
const MAX_ADDRESSES = 65_536

/** Texts of the decoder's interner; ids are comparable within an epoch only. */
export interface EpochTexts {
  readonly epoch: number
  text(id: number): string
}

const NONE: Destination = { name: '', nameSource: 'none' }

/**
 * The name that bytes are billed to. Of a connection: the SNI, else the exact host of the cluster (VIP
 * listeners see no SNI), else the authority, else the upstream address. Of a request: the cluster's
 * host before the authority, so that HTTP and TCP loggers of one request agree.
 *
 * Gives the same object for the same name within an epoch, so that callers can know it by identity.
 */
export class DestinationResolver {
  readonly #texts: EpochTexts
  readonly #gateways: ReadonlySet<string>
  #epoch = -1
  /** By text id: the destination that a text names, undefined where it names none. */
  #sni: (Destination | undefined)[] = []
  #authority: (Destination | undefined)[] = []
  #cluster: (Destination | null | undefined)[] = []
  /** By text id: whether a cluster is a gateway's. */
  #toGateway: (boolean | undefined)[] = []
  #addresses = new Map<string, Destination>()

  /** `gateways`: hosts of egress gateways, as in cluster names. */
  constructor(texts: EpochTexts, gateways: readonly string[] = []) {
    this.#texts = texts
    this.#gateways = new Set(gateways.map(normaliseName))
  }

  resolve(batch: SampleBatch, row: number): Destination {
    if (this.#texts.epoch !== this.#epoch) this.#forget()
    const sni = batch.sni[row] as number
    const cluster = batch.cluster[row] as number
    const authority = batch.authority[row] as number
    if (batch.kind[row] === SampleKind.request) {
      return (
        this.#ofCluster(cluster) ??
        this.#ofAuthority(authority) ??
        this.#ofSni(sni) ??
        this.#ofAddressOf(batch, row)
      )
    }
    return (
      this.#ofSni(sni) ??
      this.#ofCluster(cluster) ??
      this.#ofAuthority(authority) ??
      this.#ofAddressOf(batch, row)
    )
  }

  /** Whether the sample's cluster is a gateway: its bytes pass another proxy that reports them. */
  isToGateway(batch: SampleBatch, row: number): boolean {
    if (this.#texts.epoch !== this.#epoch) this.#forget()
    return this.#isGateway(batch.cluster[row] as number)
  }

  /** Where only an address is known: the address, or `none`. */
  ofAddress(w0: number, w1: number, w2: number, w3: number): Destination {
    const name = canonicalAddress(w0, w1, w2, w3)
    if (name === '') return NONE
    const known = this.#addresses.get(name)
    if (known !== undefined) return known
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses = new Map()
    const destination: Destination = { name, nameSource: 'address' }
    this.#addresses.set(name, destination)
    return destination
  }

  #forget(): void {
    this.#epoch = this.#texts.epoch
    this.#sni = []
    this.#authority = []
    this.#cluster = []
    this.#toGateway = []
  }

  #isGateway(id: number): boolean {
    if (id === NO_TEXT || this.#gateways.size === 0) return false
    this.#toGateway[id] ??= this.#gateways.has(exactHostOfCluster(this.#texts.text(id)))
    return this.#toGateway[id]
  }

  #ofSni(id: number): Destination | undefined {
    if (id === NO_TEXT) return undefined
    this.#sni[id] ??= named(normaliseName(this.#texts.text(id)), 'sni')
    return this.#sni[id]
  }

  #ofCluster(id: number): Destination | undefined {
    if (id === NO_TEXT) return undefined
    if (this.#cluster[id] === undefined) {
      const host = exactHostOfCluster(this.#texts.text(id))
      // A gateway is on the way, never where bytes go.
      this.#cluster[id] = host === '' || this.#isGateway(id) ? null : named(host, 'cluster')
    }
    return this.#cluster[id] ?? undefined
  }

  #ofAuthority(id: number): Destination | undefined {
    if (id === NO_TEXT) return undefined
    this.#authority[id] ??= named(authorityName(this.#texts.text(id)), 'authority')
    return this.#authority[id]
  }

  #ofAddressOf(batch: SampleBatch, row: number): Destination {
    const { address } = batch
    return this.ofAddress(
      address[row * 4] as number,
      address[row * 4 + 1] as number,
      address[row * 4 + 2] as number,
      address[row * 4 + 3] as number,
    )
  }
}

function named(name: string, nameSource: NameSource): Destination {
  return { name, nameSource }
}

/** An authority that is an address is named by its canonical form; anything else is checked. */
function authorityName(authority: string): string {
  const host = hostOfAuthority(authority)
  if (isIP(host) !== 6) return isIP(host) === 4 ? host : normaliseName(host)
  const [address = ''] = host.split('%')
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}
