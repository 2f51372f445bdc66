import { nearest } from '../../config/nearest.ts'
import { at, type Fields, fieldsOf, listOf, numberOf, textOf } from '../untyped.ts'
import { type ClusterObject, readYamlStream } from '../yaml-stream.ts'

/** One entry of `extensionProviders` that speaks an access log service. */
export interface Provider {
  readonly name: string
  readonly kind: 'tcp' | 'http' | 'otel' | 'other'
  /** `[namespace/]host`; undefined where it is not given. */
  readonly service: string | undefined
  readonly port: number | undefined
  /** The fields below `envoyTcpAls`, `envoyHttpAls` or `envoyOtelAls`. */
  readonly settings: Fields
}

/** Mesh-wide settings, and where they were found. */
export interface MeshConfig {
  readonly subject: string
  readonly fields: Fields
  readonly providers: readonly Provider[]
}

/** Fields that make a document without a kind MeshConfig rather than something else. */
const TELLING = [
  'extensionProviders',
  'rootNamespace',
  'accessLogFile',
  'defaultConfig',
  'trustDomain',
  'enableAutoMtls',
  'defaultProviders',
  'outboundTrafficPolicy',
  'extensionProvider',
]

/**
 * Finds MeshConfig in all its forms: the ConfigMap `istio` (`data.mesh`), an IstioOperator, an `Istio`
 * of the Sail operator, Helm values with `meshConfig:`, or the bare fields. Several documents (a
 * revision's ConfigMap, values beside it) each count: the first that names providers is taken.
 */
export function findMeshConfig(objects: readonly ClusterObject[]): MeshConfig | undefined {
  const found = objects.flatMap((object): MeshConfig[] => {
    const fields = meshConfigIn(object)
    if (fields === undefined) return []
    const subject =
      object.kind === ''
        ? 'MeshConfig'
        : `${object.kind} ${object.namespace}/${object.name} (MeshConfig)`
    return [{ subject, fields, providers: providersIn(fields).map(readProvider) }]
  })
  return found.find(({ providers }) => providers.length > 0) ?? found[0]
}

function meshConfigIn({ kind, spec, body }: ClusterObject): Fields | undefined {
  const text = textOf(at(body, 'data', 'mesh'))
  if (kind === 'ConfigMap') return text === undefined ? undefined : parsed(text)
  if (kind === 'IstioOperator') return fieldsIn(spec['meshConfig'])
  if (kind === 'Istio') return fieldsIn(at(spec, 'values', 'meshConfig'))
  if (kind !== '') return undefined
  return (
    fieldsIn(body['meshConfig']) ??
    fieldsIn(at(body, 'istiod', 'meshConfig')) ??
    (TELLING.some((field) => field in body) ? body : undefined)
  )
}

/** A misspelt list is read as it was meant: that it is misspelt is told, and not what follows from it. */
function providersIn(fields: Fields): readonly unknown[] {
  const name = 'extensionProviders'
  const written = Object.keys(fields).find((field) => nearest(field, [name]) !== undefined)
  return listOf(fields[name] ?? fields[written ?? name])
}

const fieldsIn = (value: unknown): Fields | undefined =>
  value === undefined ? undefined : fieldsOf(value)

/** What can't be read counts as empty: its providers are then undefined, which is told. */
function parsed(text: string): Fields {
  const content = readYamlStream(text)
  return 'wrong' in content ? {} : (content.objects[0]?.body ?? {})
}

const KINDS = { envoyTcpAls: 'tcp', envoyHttpAls: 'http', envoyOtelAls: 'otel' } as const

function readProvider(value: unknown): Provider {
  const fields = fieldsOf(value)
  for (const [field, kind] of Object.entries(KINDS)) {
    if (!(field in fields)) continue
    const settings = fieldsOf(fields[field])
    const { service, port } = settings
    return {
      name: textOf(fields['name']) ?? '',
      kind,
      service: textOf(service),
      port: numberOf(port),
      settings,
    }
  }
  return {
    name: textOf(fields['name']) ?? '',
    kind: 'other',
    service: undefined,
    port: undefined,
    settings: fields,
  }
}

/** Whether sidecars answer DNS themselves, so that hosts get virtual addresses. */
export const capturesDns = (meshConfig: MeshConfig | undefined): boolean =>
  /"ISTIO_META_DNS_CAPTURE":"?true/.test(JSON.stringify(meshConfig?.fields['defaultConfig'] ?? {}))
