import { Ajv } from 'ajv'
import type { KubeObject } from './documents.ts'

const text = { type: 'string', minLength: 1 }
const texts = { type: 'array', items: text, minItems: 1 }

function closed(required: Record<string, object>, optional: Record<string, object> = {}): object {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(required),
    properties: { ...required, ...optional },
  }
}

/** `namespace/name.namespace.svc.cluster.local`: only with the namespace in front it is unambiguous. */
const service = {
  type: 'string',
  pattern: '^([a-z0-9-]+)/[a-z0-9-]+\\.\\1\\.svc\\.cluster\\.local$',
}

const log = {
  required: { service, port: { type: 'integer', minimum: 1, maximum: 65_535 } },
  optional: { logName: text, filterStateObjectsToLog: texts },
}

/**
 * What we use of MeshConfig (istio/api, mesh/v1alpha1/config.proto), closed: istiod ignores a key it
 * does not know and reads a misspelt `port` as 0 (measured), so a closed schema is the only check.
 */
const MESH_CONFIG = closed({
  extensionProviders: {
    type: 'array',
    minItems: 1,
    items: {
      oneOf: [
        closed({ name: text, envoyTcpAls: closed(log.required, log.optional) }),
        closed({
          name: text,
          envoyHttpAls: closed(log.required, {
            ...log.optional,
            additionalRequestHeadersToLog: texts,
            additionalResponseHeadersToLog: texts,
            additionalResponseTrailersToLog: texts,
          }),
        }),
      ],
    },
  },
})

const OPERATOR = closed({
  apiVersion: { const: 'install.istio.io/v1alpha1' },
  kind: { const: 'IstioOperator' },
  spec: closed({ meshConfig: MESH_CONFIG }),
})

const ajv = new Ajv({ allErrors: true })
const validators = {
  operator: ajv.compile(OPERATOR),
  values: ajv.compile(closed({ meshConfig: MESH_CONFIG })),
}

export interface Provider {
  readonly name: string
  readonly envoyTcpAls?: { readonly service: string; readonly port: number }
  readonly envoyHttpAls?: { readonly service: string; readonly port: number }
}

/** What is wrong with a MeshConfig fragment, as an IstioOperator or as Helm values of istiod. */
export function meshConfigProblems(fragment: object): string[] {
  const validate = 'kind' in fragment ? validators.operator : validators.values
  return validate(fragment)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message, params }) => {
        const extra: unknown = params['additionalProperty']
        return `${instancePath}: ${message}${typeof extra === 'string' ? ` (${extra})` : ''}`
      })
}

/** The providers of a fragment that has no problems. */
export function providersOf(fragment: KubeObject): readonly Provider[] {
  const { meshConfig } = (fragment.spec ?? fragment) as {
    readonly meshConfig: { readonly extensionProviders: readonly Provider[] }
  }
  return meshConfig.extensionProviders
}
