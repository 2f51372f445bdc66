import { nearest } from '../../config/nearest.ts'
import { at, listOf, textOf } from '../untyped.ts'
import { error, type Finding, note, warning } from './finding.ts'
import { hostOf, type Mesh } from './mesh.ts'
import type { Provider } from './mesh-config.ts'
import { isClient } from './telemetry.ts'

/** Settings of MeshConfig that doctor relies on; a misspelt one is ignored without a word. */
const RELIED_ON = [
  'extensionProviders',
  'rootNamespace',
  'accessLogFile',
  'defaultConfig',
  'defaultProviders',
  'outboundTrafficPolicy',
]
/** istio/api `mesh/v1alpha1/config.proto`. */
const ALS_FIELDS: Readonly<Record<'tcp' | 'http', readonly string[]>> = {
  tcp: ['service', 'port', 'logName', 'filterStateObjectsToLog'],
  http: [
    'service',
    'port',
    'logName',
    'filterStateObjectsToLog',
    'additionalRequestHeadersToLog',
    'additionalResponseHeadersToLog',
    'additionalResponseTrailersToLog',
  ],
}

/**
 * MeshConfig. No tool of Istio's looks at it: `istioctl validate` calls anything valid, and a
 * misspelt `port` becomes port 0 (measured with pilot 1.29.0 and 1.32).
 */
export function* checkMeshConfig(mesh: Mesh): Generator<Finding> {
  const { meshConfig } = mesh
  if (meshConfig === undefined) {
    yield note(
      'mesh-config-unseen',
      'MeshConfig',
      'was not given: providers are taken as defined',
      'add it: kubectl get configmap istio -n istio-system -o yaml',
    )
    return
  }
  const { subject, fields, providers } = meshConfig
  for (const field of Object.keys(fields)) {
    const meant = RELIED_ON.includes(field) ? undefined : nearest(field, RELIED_ON)
    if (meant === undefined || fields[meant] !== undefined) continue
    yield error('mesh-config-field', subject, `has no field ${field}`, `did you mean ${meant}?`)
  }
  for (const [index, provider] of providers.entries()) {
    if (mesh.isOurs(provider.name)) yield* checkProvider(subject, provider)
    if (providers.findIndex(({ name }) => name === provider.name) < index) {
      yield error(
        'provider-duplicate',
        subject,
        `defines provider ${provider.name} twice`,
        'give them two names, or remove one',
      )
    }
  }
  yield* checkDefaults(mesh)
}

function* checkProvider(subject: string, provider: Provider): Generator<Finding> {
  const { name, kind, service, port, settings } = provider
  if (kind === 'otel') {
    yield error(
      'provider-kind',
      subject,
      `provider ${name} is envoyOtelAls, which snimeter does not speak`,
      'use envoyTcpAls',
    )
    return
  }
  if (kind === 'other') {
    yield error(
      'provider-kind',
      subject,
      `provider ${name} is no access log service`,
      'define it with envoyTcpAls {service, port, logName}',
    )
    return
  }
  const unknown = Object.keys(settings).filter((field) => !ALS_FIELDS[kind].includes(field))
  for (const field of unknown) {
    const meant = nearest(field, ALS_FIELDS[kind])
    yield error(
      'mesh-config-field',
      subject,
      `provider ${name} has a field ${field} that does not exist${field.length < 6 && port === undefined ? ' (its port is then 0)' : ''}`,
      meant === undefined ? 'remove it' : `did you mean ${meant}?`,
    )
  }
  if (unknown.length > 0) return
  if (port === undefined || port < 1 || port > 65_535) {
    yield error(
      'provider-port',
      subject,
      `provider ${name} has no port: its cluster is on port 0`,
      'write the port of the receiver, like port: 9001',
    )
  }
  if (service === undefined || !hostOf(service).includes('.')) {
    yield error(
      'provider-service',
      subject,
      `provider ${name} has ${service === undefined ? 'no service' : `service ${service}, which is no full host name: istiod does not find it and skips the provider`}`,
      'write namespace/name.namespace.svc.cluster.local',
    )
  }
}

/** What a Telemetry that names providers for CLIENT takes away from elsewhere. */
function* checkDefaults(mesh: Mesh): Generator<Finding> {
  const { meshConfig, rootNamespace } = mesh
  if (meshConfig === undefined) return
  const { subject, fields } = meshConfig
  const root = mesh.uses.filter(({ owner }) => owner.namespace === rootNamespace)
  if (fields['enableEnvoyAccessLogService'] === true) {
    yield warning(
      'legacy-access-log-service',
      subject,
      'has enableEnvoyAccessLogService: both directions, without a filter, wherever no Telemetry applies',
      'remove it and use the extension provider',
    )
  }
  const defaults = listOf(at(fields, 'defaultProviders', 'accessLogging')).filter(
    (name) => typeof name === 'string',
  )
  const ours = defaults.find(mesh.isOurs)
  if (ours !== undefined) {
    yield error(
      'default-provider',
      subject,
      `lists ${ours} in defaultProviders: every connection, inbound ones too, without a filter`,
      'remove it there; a Telemetry with mode CLIENT and a filter names it',
    )
  }
  if (!root.some(({ provider }) => provider !== undefined && mesh.isOurs(provider))) return
  const kept = new Set(root.filter(isClient).map(({ provider }) => provider))
  const file = textOf(fields['accessLogFile']) ?? ''
  const lost = defaults.filter((name) => !mesh.isOurs(name) && !kept.has(name))
  if (file !== '' && !kept.has('envoy')) lost.push('envoy')
  if (lost.length > 0) {
    yield warning(
      'access-log-lost',
      subject,
      `writes access logs with ${lost.join(', ')}, which the Telemetry in ${rootNamespace} replaces for outbound connections`,
      `list ${lost.length > 1 ? 'them' : 'it'} there too: - providers: [{name: ${lost[0]}}]`,
    )
  }
}
