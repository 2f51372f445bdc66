/** An object that Istio reads, or the Namespace such objects lie in. */
export interface MeshObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: Readonly<Record<string, unknown>>
}

/** An object with what its reader should know: why it is there and what it does to Envoy. */
export interface Section {
  /** Paragraphs of plain text, without comment signs and line breaks. */
  readonly comment: readonly string[]
  readonly object: MeshObject
}
