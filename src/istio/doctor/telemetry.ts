import { at, type Fields, fieldsOf, listOf, textOf } from '../untyped.ts'
import { type ClusterObject, specList } from '../yaml-stream.ts'

/** One provider in one entry of a Telemetry's `accessLogging`. */
export interface AccessLogUse {
  readonly owner: ClusterObject
  /** Undefined: the entry names none, and speaks of whichever are inherited. */
  readonly provider: string | undefined
  /** As written; both directions where it is not. */
  readonly mode: string
  readonly isDisabled: boolean
  /** Undefined: no filter, everything is logged. */
  readonly expression: string | undefined
}

/** The access logs of every Telemetry, in the order they were written. */
export function readAccessLogUses(objects: readonly ClusterObject[]): AccessLogUse[] {
  return objects
    .filter(({ kind }) => kind === 'Telemetry')
    .flatMap((owner) => specList(owner, 'accessLogging').flatMap((entry) => uses(owner, entry)))
}

function uses(owner: ClusterObject, entry: Fields): AccessLogUse[] {
  const names = listOf(entry['providers']).map((provider) => textOf(fieldsOf(provider)['name']))
  return (names.length === 0 ? [undefined] : names).map((provider) => ({
    owner,
    provider,
    mode: textOf(at(entry, 'match', 'mode')) ?? 'CLIENT_AND_SERVER',
    isDisabled: entry['disabled'] === true,
    expression: textOf(at(entry, 'filter', 'expression')),
  }))
}

export const isClient = ({ mode }: AccessLogUse): boolean => mode !== 'SERVER'

/** Names of what `targetRefs` (or the older `targetRef`) point to. */
export function targetsOf({ spec }: ClusterObject): { kind: string; name: string }[] {
  const single = spec['targetRef'] === undefined ? [] : [spec['targetRef']]
  return [...listOf(spec['targetRefs']), ...single].map((target) => ({
    kind: textOf(at(target, 'kind')) ?? '',
    name: textOf(at(target, 'name')) ?? '',
  }))
}

/** Whether it speaks for every workload of its namespace. */
export const isNamespaceWide = (object: ClusterObject): boolean =>
  object.spec['selector'] === undefined &&
  object.spec['workloadSelector'] === undefined &&
  targetsOf(object).length === 0
