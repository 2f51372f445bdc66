import type { KubeObject } from './documents.ts'

/** Packages of generated types and validators, by API group; core groups are in `kubernetes-models`. */
const PACKAGES: readonly [group: RegExp, name: string][] = [
  [/\.istio\.io$/, '@kubernetes-models/istio'],
  [/^gateway\.networking\.k8s\.io$/, '@kubernetes-models/gateway-api'],
  [/^monitoring\.coreos\.com$/, '@kubernetes-models/prometheus-operator'],
  [/^(?:|[a-z]+|networking\.k8s\.io)$/, 'kubernetes-models'],
]

/**
 * The module that has the class `Kind` and the interface `IKind` of an API version: Istio's are made
 * from the CRDs of 1.29. Undefined for an API that none of the packages has.
 */
export function moduleOf(apiVersion: string): string | undefined {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  const found = PACKAGES.find(([pattern]) => pattern.test(group))
  return found === undefined ? undefined : `${found[1]}/${apiVersion}`
}

interface Validated {
  validate: () => void
}

/** What the schemas of their kinds say against objects; unknown fields they let pass. */
export async function schemaProblems(objects: readonly KubeObject[]): Promise<string[]> {
  const problems = await Promise.all(objects.map(schemaProblem))
  return problems.filter((problem) => problem !== undefined)
}

async function schemaProblem(object: KubeObject): Promise<string | undefined> {
  const { apiVersion, kind } = object
  const module = moduleOf(apiVersion)
  if (module === undefined) return `${kind}: no types for ${apiVersion}`
  const models = (await import(module)) as Record<string, new (data: unknown) => Validated>
  const Model = models[kind]
  if (Model === undefined) return `${kind}: not in ${module}`
  try {
    new Model(object).validate()
    return undefined
  } catch (error) {
    return `${kind}: ${error instanceof Error ? error.message : String(error)}`
  }
}
