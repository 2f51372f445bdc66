import type { snimeter } from './gen/identifier.js'
import { eachField, textOf } from './wire-fields.ts'

type Struct = snimeter.als.v3.IStruct

/**
 * The keys of Istio's node metadata that are read. Everything else is dropped on input: annotations
 * and the proxy's configuration can hold secrets and are neither kept, recorded nor logged.
 */
const ALLOWED = [
  'NAME',
  'NAMESPACE',
  'WORKLOAD_NAME',
  'OWNER',
  'CLUSTER_ID',
  'MESH_ID',
  'SERVICE_ACCOUNT',
  'ISTIO_VERSION',
] as const

/** The labels that a workload's canonical name can stand in, best first. */
const ALLOWED_LABELS = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'] as const

const MAX_TEXT = 256

/** What is kept of a node's metadata; empty text = not there. */
export interface NodeMetadata {
  readonly values: Readonly<Record<(typeof ALLOWED)[number], string>>
  /** The first of the allowed labels that is there. */
  readonly canonicalName: string
}

/**
 * Takes the allowed texts out of the bytes of a node's metadata, a google.protobuf.Struct. What cannot
 * be read is left out, and what is not allowed is not looked at: a damaged annotation costs nothing.
 */
export class MetadataReader {
  /** Something that is allowed could not be read, or is no UTF-8. */
  damaged = false
  readonly #values = new Map<string, string>()
  readonly #labels = new Map<string, string>()

  /** May be called again: the parts of a message that occurs twice are merged, as protobuf says. */
  take(struct: Uint8Array): void {
    this.#takeFields(struct, (key, value) => {
      if (key === 'LABELS') this.#takeLabels(value)
      else if ((ALLOWED as readonly string[]).includes(key)) this.#keep(this.#values, key, value)
    })
  }

  get metadata(): NodeMetadata {
    const values = Object.fromEntries(ALLOWED.map((key) => [key, this.#values.get(key) ?? '']))
    const names = ALLOWED_LABELS.map((label) => this.#labels.get(label) ?? '')
    return {
      values: values as NodeMetadata['values'],
      canonicalName: names.find((name) => name !== '') ?? '',
    }
  }

  /** The allowed keys only: what recordings keep. Reads back to the same metadata. */
  get recorded(): Struct {
    const fields = structFields(this.#values)
    if (this.#labels.size === 0) return { fields }
    return {
      fields: { ...fields, LABELS: { structValue: { fields: structFields(this.#labels) } } },
    }
  }

  #takeLabels(value: Uint8Array): void {
    const { struct } = this.#valueOf(value)
    if (struct === undefined) return
    this.#takeFields(struct, (key, label) => {
      if ((ALLOWED_LABELS as readonly string[]).includes(key)) this.#keep(this.#labels, key, label)
    })
  }

  /** Struct: fields = 1, a map: key = 1, value = 2. Of a key that occurs twice the last one counts. */
  #takeFields(struct: Uint8Array, take: (key: string, value: Uint8Array) => void): void {
    const whole = eachField(struct, (field, entry) => {
      if (field !== 1 || typeof entry === 'number') return
      let key = ''
      let value: Uint8Array = new Uint8Array(0)
      eachField(entry, (part, bytes) => {
        if (typeof bytes === 'number') return
        if (part === 1) key = textOf(bytes).text
        else if (part === 2) value = bytes
      })
      take(key, value)
    })
    if (!whole) this.damaged = true
  }

  #keep(texts: Map<string, string>, key: string, value: Uint8Array): void {
    const { text } = this.#valueOf(value)
    if (text === undefined) return
    const { text: read, isWhole } = textOf(text)
    if (!isWhole) this.damaged = true
    texts.set(key, cleanText(read))
  }

  /** Value: string_value = 3, struct_value = 5, of which the last one counts. */
  #valueOf(value: Uint8Array): { readonly text?: Uint8Array; readonly struct?: Uint8Array } {
    let found: { readonly text?: Uint8Array; readonly struct?: Uint8Array } = {}
    const whole = eachField(value, (kind, bytes) => {
      if (typeof bytes === 'number') return
      if (kind === 3) found = { text: bytes }
      else if (kind === 5) found = { struct: bytes }
    })
    if (!whole) this.damaged = true
    return found
  }
}

function structFields(texts: ReadonlyMap<string, string>): NonNullable<Struct['fields']> {
  return Object.fromEntries([...texts].map(([key, stringValue]) => [key, { stringValue }]))
}

/** Text of a sender, fit to be a key, a column and a line of a terminal: bounded, no control characters. */
export function cleanText(text: string): string {
  // A cut in the middle of a surrogate pair would leave a text that no UTF-8 can hold.
  const bounded = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT).toWellFormed() : text
  return bounded.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '_')
}
