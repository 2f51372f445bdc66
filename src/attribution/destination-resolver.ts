import { type Destination, INVALID_NAME } from '../model/destination.ts'
import { NO_TEXT, type SampleBatch, SampleKind } from '../model/sample.ts'
import { canonicalAddress } from '../runtime/ip-address-text.ts'
import { exactHostOfCluster, hostOfAuthority, normaliseName } from './destination-name.ts'
import { hostOfMeshName } from './mesh-name.ts'
import { type NamedText, readNamedText } from './named-text.ts'

/** Addresses remembered as names at most; beyond it the memory begins anew. */
const MAX_ADDRESSES = 65_536

/** Texts of the decoder's interner; ids are comparable within an epoch only. */
export interface EpochTexts {
  readonly epoch: number
  text(id: number): string
}

const NONE: Destination = { name: '', nameSource: 'none' }
const NOTHING: NamedText = { kind: 'hop' }

/**
 * The name that bytes are billed to (ADR 10): the first source that gives a name, else the first that
 * gives an address, else `__invalid__` where one gave something else. Of a connection the sources are the
 * SNI, the exact host of the cluster (VIP listeners see no SNI), the authority, the upstream address. Of a
 * request the cluster comes first, then the authority, so that HTTP and TCP loggers of one request agree.
 * An SNI of the mesh's own TLS comes after the cluster.
 *
 * Gives the same object for the same name within an epoch, so that callers can know it by identity.
 */
export class DestinationResolver {
  readonly #texts: EpochTexts
  readonly #gateways: ReadonlySet<string>
  #epoch = -1
  /** By text id: what a text names. */
  #sni: (NamedText | undefined)[] = []
  #authority: (NamedText | undefined)[] = []
  /** By text id: the host of a cluster, null where it names none. */
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
    const sni = this.#ofSni(batch.sni[row] as number)
    const cluster = this.#ofCluster(batch.cluster[row] as number)
    const authority = this.#ofAuthority(batch.authority[row] as number)
    const isRequest = batch.kind[row] === SampleKind.request
    // A gateway that ends the mesh's TLS sees the SNI that a sidecar sent (a DestinationRule's).
    const clusterFirst = isRequest || batch.meshTls[row] === 1
    const first = isRequest ? authority : sni
    const second = isRequest ? sni : authority
    return (
      (clusterFirst ? cluster : undefined) ??
      ifName(first) ??
      cluster ??
      ifCluster(first) ??
      ifName(second) ??
      ifCluster(second) ??
      withoutName(first, second, this.#ofAddressOf(batch, row))
    )
  }

  /**
   * Whether the sample's SNI or authority is a name that its cluster, still to come, cannot better: an
   * address, the mesh's own SNI or what is no name at all must not decide.
   */
  isNamed(batch: SampleBatch, row: number): boolean {
    if (this.#texts.epoch !== this.#epoch) this.#forget()
    if (batch.meshTls[row] === 1) return false
    const sni = this.#ofSni(batch.sni[row] as number)
    return sni.kind === 'name' || this.#ofAuthority(batch.authority[row] as number).kind === 'name'
  }

  /** The sample's SNI as it was sent where it fails the check; undefined where it does not. */
  invalidSni(batch: SampleBatch, row: number): string | undefined {
    if (this.#texts.epoch !== this.#epoch) this.#forget()
    const text = batch.sni[row] as number
    return this.#ofSni(text).kind === 'invalid' ? this.#texts.text(text) : undefined
  }

  /** Whether the sample's cluster names an exact host, which is no gateway. */
  hasClusterHost(batch: SampleBatch, row: number): boolean {
    if (this.#texts.epoch !== this.#epoch) this.#forget()
    return this.#ofCluster(batch.cluster[row] as number) !== undefined
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
    this.#toGateway[id] ??= this.#gateways.has(hostOfCluster(this.#texts.text(id)))
    return this.#toGateway[id]
  }

  #ofSni(id: number): NamedText {
    if (id === NO_TEXT) return NOTHING
    this.#sni[id] ??= readNamedText(this.#texts.text(id), 'sni', this.#gateways)
    return this.#sni[id]
  }

  #ofCluster(id: number): Destination | undefined {
    if (id === NO_TEXT) return undefined
    if (this.#cluster[id] === undefined) {
      const host = hostOfCluster(this.#texts.text(id))
      // A gateway is on the way, never where bytes go.
      const isDestination = host !== '' && !this.#isGateway(id)
      this.#cluster[id] = isDestination ? { name: host, nameSource: 'cluster' } : null
    }
    return this.#cluster[id] ?? undefined
  }

  #ofAuthority(id: number): NamedText {
    if (id === NO_TEXT) return NOTHING
    const text = this.#texts.text(id)
    this.#authority[id] ??= readNamedText(hostOfAuthority(text), 'authority', this.#gateways)
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

function ifName(text: NamedText): Destination | undefined {
  return text.kind === 'name' ? text.destination : undefined
}

function ifCluster(text: NamedText): Destination | undefined {
  return text.kind === 'cluster' ? text.destination : undefined
}

/** Where no source gives a name: the address that the first or second text is, the upstream's, `__invalid__`. */
function withoutName(first: NamedText, second: NamedText, upstream: Destination): Destination {
  if (first.kind === 'address') return first.destination
  if (second.kind === 'address') return second.destination
  if (upstream !== NONE) return upstream
  if (first.kind === 'invalid') return first.destination
  return second.kind === 'invalid' ? second.destination : NONE
}

/** The exact host of a cluster in either of Istio's two forms; '' where there is none. */
function hostOfCluster(cluster: string): string {
  const host = hostOfMeshName(cluster) ?? exactHostOfCluster(cluster)
  return host === INVALID_NAME ? '' : host
}
