import { parseAllDocuments } from 'yaml'
import { type Fields, fieldsOf, listOf, textOf } from './untyped.ts'

/** An object of the cluster, or a part of one, as it was written. */
export interface ClusterObject {
  /** '' where the document has none: MeshConfig, Helm values. */
  readonly kind: string
  readonly name: string
  /** `default` where the object says none; kubectl's own default. */
  readonly namespace: string
  readonly labels: Fields
  /** ISO 8601, as the API server writes it; undefined in a file that was never applied. */
  readonly createdAt: string | undefined
  readonly spec: Fields
  /** The whole document. */
  readonly body: Fields
}

/** What a text holds; or why it can't be read. */
export type StreamContent =
  | { readonly objects: readonly ClusterObject[] }
  | { readonly wrong: string }

/**
 * Reads YAML or JSON: one object, several documents, or a `kind: List` as `kubectl get -o yaml`
 * prints it. Objects come in the order of the text; empty documents are skipped. Pure.
 */
export function readYamlStream(text: string): StreamContent {
  const parsed = parseAllDocuments(text, { prettyErrors: false, merge: true })
  const objects: ClusterObject[] = []
  if (!Array.isArray(parsed)) return { objects }
  for (const [index, document] of parsed.entries()) {
    const [error] = document.errors
    if (error !== undefined) {
      return { wrong: `document ${index + 1} is not valid YAML: ${error.message}` }
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (value === null) continue
    if (typeof value !== 'object' || Array.isArray(value)) {
      return { wrong: `document ${index + 1} is not an object` }
    }
    objects.push(...flattened(value as Fields))
  }
  return { objects }
}

function flattened(body: Fields): ClusterObject[] {
  const items = body['items']
  if (Array.isArray(items) && (textOf(body['kind']) ?? '').endsWith('List')) {
    return items.flatMap((item) => flattened(fieldsOf(item)))
  }
  const metadata = fieldsOf(body['metadata'])
  return [
    {
      kind: textOf(body['kind']) ?? '',
      name: textOf(metadata['name']) ?? '',
      namespace: textOf(metadata['namespace']) ?? 'default',
      labels: fieldsOf(metadata['labels']),
      createdAt: textOf(metadata['creationTimestamp']),
      spec: fieldsOf(body['spec']),
      body,
    },
  ]
}

/** `name: value` pairs of labels, all of which the object has. */
export function hasLabels(labels: Fields, wanted: Fields): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

/** The items of a list field of an object's spec, as fields. */
export const specList = (object: ClusterObject, field: string): Fields[] =>
  listOf(object.spec[field]).map(fieldsOf)
