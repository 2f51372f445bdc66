import type { snimeter } from './gen/identifier.js'
import { cleanText, MetadataReader, type NodeMetadata } from './node-metadata.ts'
import { eachField, type FieldValue, textOf } from './wire-fields.ts'

/** Envoy's release, as numbers. */
export interface BuildVersion {
  readonly majorNumber: number
  readonly minorNumber: number
  readonly patch: number
}

/** What is read of an identifier, cleaned; empty text = not there. */
export interface IdentifierTexts {
  readonly logName: string
  readonly id: string
  readonly cluster: string
  readonly userAgentName: string
  /** `user_agent_version`; empty where `build` is there. */
  readonly version: string
  readonly build: BuildVersion | undefined
  readonly metadata: NodeMetadata
  /** The allowed part of the metadata, to be recorded. */
  readonly recordedMetadata: snimeter.als.v3.IStruct
  /** A part that is read is damaged, or is no UTF-8. */
  readonly damaged: boolean
}

/**
 * Reads an Identifier (proto/identifier.proto) as far as it can be read. Not with the generated code:
 * that throws at the first text that is no UTF-8, and the sender of the whole stream would be unknown.
 */
export function readTexts(bytes: Uint8Array): IdentifierTexts {
  const reader = new IdentifierReader()
  reader.read(bytes)
  return reader.texts
}

class IdentifierReader {
  #logName = ''
  #id = ''
  #cluster = ''
  #userAgentName = ''
  #version = ''
  #build: BuildVersion | undefined
  #damaged = false
  readonly #metadata = new MetadataReader()

  /** Identifier: node = 1, log_name = 2. */
  read(bytes: Uint8Array): void {
    this.#each(bytes, (field, value) => {
      if (typeof value === 'number') return
      if (field === 1) this.#readNode(value)
      else if (field === 2) this.#logName = this.#text(value)
    })
  }

  get texts(): IdentifierTexts {
    return {
      logName: this.#logName,
      id: this.#id,
      cluster: this.#cluster,
      userAgentName: this.#userAgentName,
      version: this.#version,
      build: this.#build,
      metadata: this.#metadata.metadata,
      recordedMetadata: this.#metadata.recorded,
      damaged: this.#damaged || this.#metadata.damaged,
    }
  }

  /** Node: what is not read here (locality, some 500 extensions) is passed over, whatever it holds. */
  #readNode(bytes: Uint8Array): void {
    this.#each(bytes, (field, value) => {
      if (typeof value === 'number') return
      if (field === 1) this.#id = this.#text(value)
      else if (field === 2) this.#cluster = this.#text(value)
      else if (field === 3) this.#metadata.take(value)
      else if (field === 6) this.#userAgentName = this.#text(value)
      else if (field === 7) this.#takeVersion(this.#text(value), undefined)
      else if (field === 8) this.#takeVersion('', this.#buildOf(value))
    })
  }

  /** A oneof: the last of the two that has something to say counts. */
  #takeVersion(version: string, build: BuildVersion | undefined): void {
    if (version === '' && build === undefined) return
    this.#version = version
    this.#build = build
  }

  /** BuildVersion: version = 1, a SemanticVersion: major_number = 1, minor_number = 2, patch = 3. */
  #buildOf(bytes: Uint8Array): BuildVersion | undefined {
    let numbers: [number, number, number] | undefined
    this.#each(bytes, (field, version) => {
      if (field !== 1 || typeof version === 'number') return
      const read: [number, number, number] = [0, 0, 0]
      this.#each(version, (part, value) => {
        if (part <= 3 && typeof value === 'number') read[part - 1] = value
      })
      numbers = read
    })
    if (numbers === undefined) return undefined
    const [majorNumber, minorNumber, patch] = numbers
    return { majorNumber, minorNumber, patch }
  }

  #each(bytes: Uint8Array, take: (field: number, value: FieldValue) => void): void {
    if (!eachField(bytes, take)) this.#damaged = true
  }

  #text(bytes: Uint8Array): string {
    const { text, isWhole } = textOf(bytes)
    if (!isWhole) this.#damaged = true
    return cleanText(text)
  }
}
