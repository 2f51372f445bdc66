import type { snimeter } from './gen/identifier.js'

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

export function readMetadata(metadata: Struct | null | undefined): NodeMetadata {
  const fields = metadata?.fields ?? {}
  const labels = fields['LABELS']?.structValue?.fields ?? {}
  const values = Object.fromEntries(
    ALLOWED.map((key) => [key, cleanText(fields[key]?.stringValue ?? '')]),
  )
  return {
    values: values as NodeMetadata['values'],
    canonicalName:
      ALLOWED_LABELS.map((label) => cleanText(labels[label]?.stringValue ?? '')).find(
        (name) => name !== '',
      ) ?? '',
  }
}

/** The same metadata with the allowed keys only: what recordings keep. */
export function allowedOnly(metadata: Struct | null | undefined): Struct {
  const fields = metadata?.fields ?? {}
  const labels = pick(fields['LABELS']?.structValue?.fields ?? {}, ALLOWED_LABELS)
  const kept = pick(fields, ALLOWED)
  if (Object.keys(labels).length > 0) kept['LABELS'] = { structValue: { fields: labels } }
  return { fields: kept }
}

function pick(
  fields: NonNullable<Struct['fields']>,
  keys: readonly string[],
): NonNullable<Struct['fields']> {
  const kept: NonNullable<Struct['fields']> = {}
  for (const key of keys) {
    const text = fields[key]?.stringValue
    if (typeof text === 'string') kept[key] = { stringValue: cleanText(text) }
  }
  return kept
}

/** Text of a sender, fit to be a key, a column and a line of a terminal: bounded, no control characters. */
export function cleanText(text: string): string {
  // A cut in the middle of a surrogate pair would leave a text that no UTF-8 can hold.
  const bounded = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT).toWellFormed() : text
  return bounded.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '_')
}
