import { type Read, readHost, sortedHosts } from './hosts.ts'
import { notesOf } from './notes.ts'
import { type Refusal, refusalsOf, type ServerSettings } from './refusals.ts'
import { readRelease } from './release.ts'
import type { Form, MeshRequest, ServiceRef } from './request.ts'
import { VARIANT_NAMES, type VariantName } from './variant-names.ts'

/** What was asked for, as it was written; what is absent has the default of its variant. */
export interface MeshFlags {
  readonly host?: readonly string[]
  readonly port?: readonly string[]
  /** Time between two reports of an open connection, ms. */
  readonly flushMs: number
  readonly namespace?: string
  readonly rootNamespace?: string
  readonly provider?: string
  readonly variant?: readonly string[]
  readonly receiver?: string
  readonly gateway?: string
  readonly gatewayPort?: string
  readonly waypoint?: string
  readonly istio?: string
  readonly form: Form
}

interface Accepted {
  readonly request: MeshRequest
  /** What is allowed but may surprise. */
  readonly notes: readonly string[]
}

/** The hosts of the examples in deploy/istio. */
const EXAMPLE_WILDCARDS = [
  '*.oss-cn-shanghai.aliyuncs.com',
  '*.oss-cn-shanghai-internal.aliyuncs.com',
]

/**
 * A request that is complete and makes sense, or every reason why it is refused. Pure: the order of
 * hosts and ports, their case and repetitions make no difference.
 */
export function readMeshRequest(
  flags: MeshFlags,
  server: ServerSettings,
): Accepted | { readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = []
  /** One value; where it is wrong, that is noted and the default stands in for it. */
  const read = <T>(flag: string, text: string | undefined, reader: Reader<T>, byDefault: T): T => {
    if (text === undefined) return byDefault
    const result = reader(text)
    if ('value' in result) return result.value
    refusals.push({ subject: `${flag} ${text}`, wrong: result.wrong, fix: result.fix })
    return byDefault
  }
  const variant = read('--variant', variantText(flags), readVariant, 'telemetry')
  const hosts = (flags.host ?? exampleHosts(variant)).map((text) =>
    read('--host', text, readHost, ''),
  )
  const ports = (flags.port ?? ['443']).map((text) => read('--port', text, readPort, 443))
  const gateway = read('--gateway', flags.gateway, readService, {
    namespace: 'istio-egress',
    name: 'istio-egressgateway',
  })
  const inAmbient = variant === 'ambient-waypoint'
  const request: MeshRequest = {
    form: flags.form,
    variant,
    hosts: sortedHosts(hosts),
    ports: [...new Set(ports)].sort((a, b) => a - b),
    flushMs: flags.flushMs,
    // Telemetry and EnvoyFilter reach a waypoint only from its own namespace.
    namespace: read(
      '--namespace',
      flags.namespace,
      readLabel,
      inAmbient ? 'istio-egress' : 'external',
    ),
    rootNamespace: read('--root-namespace', flags.rootNamespace, readLabel, 'istio-system'),
    provider: read('--provider', flags.provider, readLabel, 'snimeter'),
    receiver: read('--receiver', flags.receiver, readReceiver, {
      namespace: 'snimeter',
      name: 'snimeter',
      port: 9001,
    }),
    gateway: {
      ...gateway,
      podPort: read('--gateway-port', flags.gatewayPort, readPort, 8443),
      // As Istio's charts label their gateways: the release's name without its prefix.
      selector: gateway.name.replace(/^istio-/, ''),
    },
    waypoint: read('--waypoint', flags.waypoint, readLabel, 'waypoint'),
    release: read('--istio', flags.istio, readRelease, { minor: 29, envoy: '1.37' }),
    billAt: server.billAt,
  }
  refusals.push(...idleFlags(flags, variant))
  if (refusals.length === 0) refusals.push(...refusalsOf(request, server))
  if (refusals.length > 0) return { refusals }
  return { request, notes: [...repetitions(flags), ...notesOf(request)] }
}

type Reader<T> = (text: string) => Read<T>

/** Several variants are kept apart by a comma, which no name of one has. */
const variantText = ({ variant }: MeshFlags): string | undefined => variant?.join(', ')

function readVariant(text: string): Read<VariantName> {
  const known = VARIANT_NAMES.find((name) => name === text)
  if (known !== undefined) return { value: known }
  if (text.includes(', ')) {
    return {
      wrong: 'are two ways to log the same bytes: each would be reported twice',
      fix: 'choose one',
    }
  }
  return { wrong: 'is not a variant', fix: `use one of ${VARIANT_NAMES.join(', ')}` }
}

const exampleHosts = (variant: VariantName): readonly string[] =>
  variant === 'exact-host'
    ? ['oss-cn-shanghai.aliyuncs.com']
    : variant === 'telemetry' || variant === 'envoyfilter-only' || variant === 'unregistered-egress'
      ? EXAMPLE_WILDCARDS
      : EXAMPLE_WILDCARDS.slice(0, 1)

function readPort(text: string): Read<number> {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535
    ? { value: port }
    : { wrong: 'is not a port', fix: 'use a number from 1 to 65535' }
}

/** A namespace, a Service, a provider: what Kubernetes calls a DNS label. */
function readLabel(text: string): Read<string> {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
    ? { value: text }
    : {
        wrong: 'is not a name that Kubernetes takes',
        fix: 'use lower-case letters, digits and hyphens, at most 63',
      }
}

function readService(text: string): Read<ServiceRef> {
  const [namespace, name, ...more] = text.split('/').map(readLabel)
  return namespace && 'value' in namespace && name && 'value' in name && more.length === 0
    ? { value: { namespace: namespace.value, name: name.value } }
    : { wrong: 'is not a Service', fix: 'write namespace/name' }
}

function readReceiver(text: string): Read<MeshRequest['receiver']> {
  const [service = '', port = '', ...more] = text.split(':')
  const read = { service: readService(service), port: readPort(port) }
  return 'value' in read.service && 'value' in read.port && more.length === 0
    ? { value: { ...read.service.value, port: read.port.value } }
    : { wrong: 'is not a Service and port', fix: 'write namespace/name:port' }
}

/** What the text does not show, because it does not depend on it. */
function repetitions({ host }: MeshFlags): string[] {
  if (host === undefined)
    return ['The hosts are those of an example: apply it with your own (--host).']
  const unique = new Set(host.map((text) => text.trim().toLowerCase().replace(/\.$/, '')))
  return unique.size === host.length
    ? []
    : ['A host was given more than once; it stands there once.']
}

/** Flags that the variant does not read: they would do nothing. */
function idleFlags(flags: MeshFlags, variant: VariantName): Refusal[] {
  const inGateway = variant === 'egress-gateway'
  const inAmbient = variant === 'ambient-waypoint'
  const readFlags: [string, string | undefined, boolean][] = [
    ['--gateway', flags.gateway, inGateway],
    ['--gateway-port', flags.gatewayPort, inGateway],
    ['--waypoint', flags.waypoint, inAmbient],
    ['--root-namespace', flags.rootNamespace, !inAmbient],
    ['--provider', flags.provider, variant !== 'envoyfilter-only'],
  ]
  return readFlags
    .filter(([, text, isRead]) => text !== undefined && !isRead)
    .map(([flag]) => ({
      subject: flag,
      wrong: `does nothing in variant ${variant}`,
      fix: 'leave it out, or choose another variant',
    }))
}
