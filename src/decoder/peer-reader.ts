import { NO_TEXT } from '../model/sample.ts'
import type { TextInterner } from './text-interner.ts'
import { MalformedError, type WireReader } from './wire-reader.ts'

const encoder = new TextEncoder()
const PEER_PRINCIPAL = encoder.encode('io.istio.peer_principal')
const DOWNSTREAM_PEER = encoder.encode('downstream_peer')
const SPIFFE = encoder.encode('spiffe://')

/** Parts of a peer text (`model/peer.ts`), and the principal that only a certificate tells. */
const Part = {
  principal: 0,
  cluster: 1,
  namespace: 2,
  type: 3,
  workload: 4,
  pod: 5,
  certificate: 6,
} as const
const PARTS = 6
const NO_PART = -1
/** Keys of `downstream_peer`, by the part they are; the principal is none of them. */
const KEYS = ['', 'cluster', 'namespace', 'type', 'workload', 'name'].map((key) =>
  encoder.encode(key),
)
/** A part that is longer is no name: SPIFFE allows 2048 bytes, Kubernetes makes about 150 of them. */
const MAX_PART = 512

/**
 * Reads who opened a connection out of its entry, on streams of waypoints and gateways only: a
 * sidecar's entries pass it by. What it cannot read it leaves out; the entry's bytes count anyway.
 */
export class PeerReader {
  readonly #reader: WireReader
  readonly #texts: TextInterner
  /** Where each part stands in the message; empty where absent. */
  readonly #starts = new Int32Array(PARTS + 1)
  readonly #ends = new Int32Array(PARTS + 1)
  /** End of the field that `#enter` has found. */
  #end = 0
  readonly #scratch = new Uint8Array(PARTS * (MAX_PART + 1))

  constructor(reader: WireReader, texts: TextInterner) {
    this.#reader = reader
    this.#texts = texts
  }

  reset(): void {
    for (let part = 0; part <= PARTS; part++) {
      this.#starts[part] = 0
      this.#ends[part] = 0
    }
  }

  /**
   * Whether the entry's own TLS session was opened by a proxy of the mesh, whose certificate this proxy
   * verified. Not so inside a tunnel (HBONE): there the session is the client's.
   */
  get endsMeshTls(): boolean {
    return this.#has(Part.certificate) && !this.#has(Part.principal)
  }

  /** An entry of `filter_state_objects`: key = 1, value = 2 (an Any: value = 2). */
  takeFilterState(start: number, end: number): void {
    const reader = this.#reader
    const { position } = reader
    const outer = reader.enter(start, end)
    try {
      this.#readFilterState(end)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
    reader.limit = outer
    reader.position = position
  }

  /** CertificateProperties: subject_alt_name = 1, each with a uri = 1. */
  takeCertificate(start: number, end: number): void {
    const reader = this.#reader
    const { position } = reader
    const outer = reader.enter(start, end)
    try {
      this.#readCertificate(end)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
    reader.limit = outer
    reader.position = position
  }

  /** Id of the peer text; `NO_TEXT` where the entry says nothing. */
  intern(): number {
    const { bytes } = this.#reader
    const scratch = this.#scratch
    let length = 0
    let told = false
    for (let part = 0; part < PARTS; part++) {
      const from = part === Part.principal && !this.#has(part) ? Part.certificate : part
      if (part > 0) scratch[length++] = 0
      const end = this.#ends[from] as number
      for (let at = this.#starts[from] as number; at < end; at++) {
        scratch[length++] = bytes[at] as number
        told = true
      }
    }
    return told ? this.#texts.intern(scratch, 0, length) : NO_TEXT
  }

  #readFilterState(end: number): void {
    const start = this.#enter(10, end)
    const keyEnd = this.#end
    const isPrincipal = this.#is(start, keyEnd, PEER_PRINCIPAL)
    if (!isPrincipal && !this.#is(start, keyEnd, DOWNSTREAM_PEER)) return
    this.#reader.position = keyEnd
    this.#enter(18, end)
    this.#enter(18, this.#end)
    // A StringValue, or a Struct: fields = 1, both.
    if (isPrincipal) this.#take(Part.principal, 10, this.#end)
    else this.#readStruct(this.#end)
  }

  /** Struct: fields = 1, a map; of its values only string_value = 3 is read. */
  #readStruct(end: number): void {
    const reader = this.#reader
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag !== 10) {
        reader.skip(tag)
        continue
      }
      const entryEnd = reader.delimited()
      const start = this.#enter(10, entryEnd)
      const part = this.#partOf(start, this.#end)
      reader.position = this.#end
      if (part !== NO_PART) {
        this.#enter(18, entryEnd)
        this.#take(part, 26, this.#end)
      }
      reader.position = entryEnd
    }
  }

  #readCertificate(end: number): void {
    const reader = this.#reader
    while (reader.position < end) {
      const tag = reader.tag()
      if (tag !== 10) {
        reader.skip(tag)
        continue
      }
      const nameEnd = reader.delimited()
      const start = this.#enter(10, nameEnd)
      if (this.#startsWith(start, this.#end, SPIFFE)) this.#set(Part.certificate, start, this.#end)
      reader.position = nameEnd
    }
  }

  /**
   * Moves to the next field with this tag before `end`; gives its start, and its end in `#end`. Where
   * there is none both are `end`.
   */
  #enter(tag: number, end: number): number {
    const reader = this.#reader
    while (reader.position < end) {
      const found = reader.tag()
      if (found === tag) {
        this.#end = reader.delimited()
        return reader.position
      }
      reader.skip(found)
    }
    this.#end = end
    return end
  }

  #take(part: number, tag: number, end: number): void {
    const start = this.#enter(tag, end)
    this.#set(part, start, this.#end)
  }

  #set(part: number, start: number, end: number): void {
    const { bytes } = this.#reader
    if (end - start > MAX_PART) return
    for (let at = start; at < end; at++) if (bytes[at] === 0) return
    this.#starts[part] = start
    this.#ends[part] = end
  }

  #partOf(start: number, end: number): number {
    for (let part: number = Part.cluster; part <= Part.pod; part++) {
      if (this.#is(start, end, KEYS[part] as Uint8Array)) return part
    }
    return NO_PART
  }

  #has(part: number): boolean {
    return (this.#ends[part] as number) > (this.#starts[part] as number)
  }

  #is(start: number, end: number, text: Uint8Array): boolean {
    return end - start === text.length && this.#startsWith(start, end, text)
  }

  #startsWith(start: number, end: number, text: Uint8Array): boolean {
    if (end - start < text.length) return false
    const { bytes } = this.#reader
    for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false
    return true
  }
}
