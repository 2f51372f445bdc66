import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isMap, isScalar, parse, parseAllDocuments, visit } from 'yaml'

/** A Kubernetes object as parsed: nothing of it is checked yet. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows the kind it looks into
  readonly spec?: any
  readonly [field: string]: unknown
}

/** The repository's `deploy` folder. */
export const DEPLOY = join(import.meta.dirname, '..', '..', '..', 'deploy')

/** Paths below a folder of `deploy` that end in `.yaml`, sorted; a chart's templates are left out. */
export function yamlFiles(folder: string): string[] {
  return readdirSync(join(DEPLOY, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml') && !path.includes('templates'))
    .map((path) => join(folder, path))
    .sort()
}

/** The documents of a file below `deploy`. */
export function readDocuments(path: string): KubeObject[] {
  return parseDocuments(readFileSync(join(DEPLOY, path), 'utf8'), path)
}

/**
 * The documents of a text, strictly: a key twice and a key that is not a string (kustomize fails on
 * it) are errors, and so is a value that YAML 1.1, which kubectl reads, takes for something else.
 */
export function parseDocuments(text: string, name: string): KubeObject[] {
  const documents = parseAllDocuments(text)
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw new Error(`${name}: ${error.message}`, { cause: error })
    visit(document, {
      Pair(_, pair) {
        if (isScalar(pair.key) && typeof pair.key.value !== 'string') {
          throw new TypeError(`${name}: the key ${String(pair.key.value)} is not a string`)
        }
      },
    })
    if (!isMap(document.contents)) return []
    const object = document.toJS() as KubeObject
    const asKubectlReads: unknown = parse(document.toString({ directives: false }), {
      version: '1.1',
    })
    if (!isDeepStrictEqual(object, asKubectlReads)) {
      throw new Error(`${name}: ${object.kind} reads differently in YAML 1.1 (yes, on, 0o17 ...)`)
    }
    return [object]
  })
}

/** `kind namespace/name`, for messages and as identity. */
export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`
}

/** All objects that a kustomization applies, in its order; `folder` is relative to `deploy`. */
export function kustomized(folder: string): KubeObject[] {
  const [kustomization] = readDocuments(join(folder, 'kustomization.yaml'))
  const resources = (kustomization?.['resources'] ?? []) as readonly string[]
  return resources.flatMap((resource) => {
    const path = join(folder, resource)
    return path.endsWith('.yaml') ? readDocuments(path) : kustomized(relative('.', path))
  })
}
