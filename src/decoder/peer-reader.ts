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
  certificate: 5,
} as const
const PARTS = 5
/** Keys of `downstream_peer`, by the part they are. */
const KEYS: readonly (readonly [part: number, key: Uint8Array])[] = [
  [Part.cluster, encoder.encode('cluster')],
  [Part.namespace, encoder.encode('namespace')],
  [Part.type, encoder.encode('type')],
  [Part.workload, encoder.encode('workload')],
]
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
  readonly #scratch = new Uint8Array(PARTS * (MAX_PART + 1))

  constructor(reader: WireReader, texts: TextInterner) {
    this.#reader = reader
    this.#texts = texts
  }

  reset(): void {
    this.#ends.fill(0)
    this.#starts.fill(0)
  }

  /** An entry of `filter_state_objects`: key = 1, value = 2 (an Any: value = 2). */
  takeFilterState(start: number, end: number): void {
    this.#attempt(start, end, () => {
      const key = this.#field(10, end)
      const isPrincipal = this.#is(key, PEER_PRINCIPAL)
      if (!isPrincipal && !this.#is(key, DOWNSTREAM_PEER)) return
      const any = this.#within(18, end)
      const value = this.#within(18, any)
      // A StringValue, or a Struct: fields = 1, both.
      if (isPrincipal) this.#set(Part.principal, this.#field(10, value))
      else this.#readStruct(value)
    })
  }

  /** CertificateProperties: subject_alt_name = 1, each with a uri = 1. */
  takeCertificate(start: number, end: number): void {
    this.#attempt(start, end, () => {
      const reader = this.#reader
      while (reader.position < end) {
        const tag = reader.tag()
        if (tag !== 10) {
          reader.skip(tag)
          continue
        }
        const name = reader.delimited()
        const uri = this.#field(10, name)
        if (this.#startsWith(uri, SPIFFE)) this.#set(Part.certificate, uri)
        reader.position = name
      }
    })
  }

  /** Id of the peer text; `NO_TEXT` where the entry says nothing. */
  intern(): number {
    const { bytes } = this.#reader
    const scratch = this.#scratch
    let at = 0
    let told = false
    for (let part = 0; part < PARTS; part++) {
      const from = part === Part.principal && !this.#has(part) ? Part.certificate : part
      if (part > 0) scratch[at++] = 0
      if (!this.#has(from)) continue
      const text = bytes.subarray(this.#starts[from], this.#ends[from])
      scratch.set(text, at)
      at += text.length
      told = true
    }
    return told ? this.#texts.intern(scratch, 0, at) : NO_TEXT
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
      const entry = reader.delimited()
      const key = this.#field(10, entry)
      const part = KEYS.find(([, name]) => this.#is(key, name))?.[0]
      if (part !== undefined) {
        const value = this.#within(18, entry)
        this.#set(part, this.#field(26, value))
      }
      reader.position = entry
    }
  }

  #attempt(start: number, end: number, read: () => void): void {
    const reader = this.#reader
    const { position } = reader
    const outer = reader.enter(start, end)
    try {
      read()
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
    reader.limit = outer
    reader.position = position
  }

  /** Enters the next field with this tag before `end`; gives its end, or `end` if there is none. */
  #within(tag: number, end: number): number {
    const reader = this.#reader
    while (reader.position < end) {
      const found = reader.tag()
      if (found === tag) return reader.delimited()
      reader.skip(found)
    }
    return end
  }

  /** The next field with this tag before `end`, as a range; the cursor is behind it. */
  #field(tag: number, end: number): Range {
    const stop = this.#within(tag, end)
    const start = this.#reader.position
    this.#reader.position = stop
    return { start, end: stop }
  }

  #set(part: number, { start, end }: Range): void {
    const { bytes } = this.#reader
    if (end - start > MAX_PART || bytes.subarray(start, end).includes(0)) return
    this.#starts[part] = start
    this.#ends[part] = end
  }

  #has(part: number): boolean {
    return (this.#ends[part] as number) > (this.#starts[part] as number)
  }

  #is(range: Range, text: Uint8Array): boolean {
    return range.end - range.start === text.length && this.#startsWith(range, text)
  }

  #startsWith({ start, end }: Range, text: Uint8Array): boolean {
    if (end - start < text.length) return false
    const { bytes } = this.#reader
    return text.every((byte, i) => bytes[start + i] === byte)
  }
}

interface Range {
  readonly start: number
  readonly end: number
}
