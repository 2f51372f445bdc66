import { at, fieldsOf, listOf, numberOf, textOf, textsOf } from '../untyped.ts'
import { type ClusterObject, hasLabels, specList } from '../yaml-stream.ts'
import { error, type Finding, note, warning } from './finding.ts'
import type { Mesh } from './mesh.ts'

const METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'
/** `setUpstreamProtocol` in pilot: only these give the cluster HTTP/2. */
const GRPC_PROTOCOLS = ['grpc', 'http2', 'kubernetes.io/h2c', 'grpc-web']

/** The receiver as the mesh sees it: its Service, its copies, and who may call it. */
export function* checkReceiver(mesh: Mesh): Generator<Finding> {
  const { receiver, receiverHost } = mesh
  const service = mesh
    .ofKind('Service')
    .find(({ name, namespace }) => name === receiver.name && namespace === receiver.namespace)
  if (service !== undefined) {
    yield* checkService(mesh, service)
    yield* checkCopies(mesh, service)
    yield* checkAuthorization(mesh, service)
  } else yield* checkStandIn(mesh)
  yield* checkClusters(mesh)
  yield* checkTls(mesh, receiverHost)
}

/** A receiver outside the registry may be a ServiceEntry. */
function* checkStandIn(mesh: Mesh): Generator<Finding> {
  const { receiver, receiverHost } = mesh
  const entry = mesh.entries.find(({ hosts }) => hosts.includes(receiverHost))
  if (entry !== undefined) {
    const port = entry.ports.find(({ number }) => number === receiver.port)
    if (port === undefined) yield missingPort(entry.object, receiver.port)
    else if (!['GRPC', 'HTTP2'].includes(port.protocol)) {
      yield notGrpc(entry.object, receiver.port, port.protocol, 'protocol: GRPC')
    }
    return
  }
  const subject = `Service ${receiver.namespace}/${receiver.name}`
  const neighbours = mesh
    .ofKind('Service')
    .filter(({ namespace }) => namespace === receiver.namespace)
    .map(({ name }) => name)
  if (neighbours.length === 0) {
    yield note(
      'receiver-unseen',
      subject,
      'was not given: whether it can be reached is not known',
      `add it: kubectl get service,statefulset -n ${receiver.namespace} -o yaml`,
    )
    return
  }
  yield error(
    'receiver-missing',
    subject,
    `does not exist; ${receiver.namespace} has ${neighbours.join(', ')}`,
    `correct the provider's service, or say --receiver ${receiver.namespace}/${neighbours[0]}:${receiver.port}`,
  )
}

const missingPort = (object: ClusterObject, port: number): Finding =>
  error(
    'receiver-port',
    object,
    `has no port ${port}, which the access log calls`,
    "add it, or correct the provider's port",
  )

const notGrpc = (object: ClusterObject, port: number, written: string, fix: string): Finding =>
  error(
    'receiver-not-grpc',
    object,
    `declares port ${port} as ${written === '' ? 'nothing' : written}: the sidecars' cluster gets no HTTP/2 and no stream opens`,
    `write ${fix}`,
  )

function* checkService({ receiver }: Mesh, service: ClusterObject): Generator<Finding> {
  const { spec } = service
  if (spec['clusterIP'] === 'None') {
    yield error(
      'receiver-headless',
      service,
      "is headless: its cluster is ORIGINAL_DST, which Envoy's own client can't use",
      'use a normal ClusterIP Service',
    )
  }
  if (spec['type'] === 'ExternalName') {
    yield error(
      'receiver-external-name',
      service,
      'is an ExternalName, which has no cluster of its own',
      'use a ServiceEntry with protocol GRPC',
    )
  }
  const port = specList(service, 'ports').find((one) => numberOf(one['port']) === receiver.port)
  if (port === undefined) {
    yield missingPort(service, receiver.port)
    return
  }
  const name = textOf(port['name']) ?? ''
  const declared = textOf(port['appProtocol']) ?? name
  // appProtocol decides; without it the name's first part does.
  const isGrpc =
    GRPC_PROTOCOLS.includes(declared.toLowerCase()) ||
    (port['appProtocol'] === undefined && /^(?:grpc|http2|grpc-web)(?:-|$)/i.test(name))
  if (!isGrpc) yield notGrpc(service, receiver.port, declared, 'appProtocol: grpc')
}

/** Two ledgers would count a connection that moves between them twice. */
function* checkCopies(mesh: Mesh, service: ClusterObject): Generator<Finding> {
  const selector = fieldsOf(service.spec['selector'])
  if (Object.keys(selector).length === 0) return
  for (const workload of [...mesh.ofKind('StatefulSet'), ...mesh.ofKind('Deployment')]) {
    const labels = fieldsOf(at(workload.spec, 'template', 'metadata', 'labels'))
    const replicas = numberOf(workload.spec['replicas']) ?? 1
    if (workload.namespace !== service.namespace || !hasLabels(labels, selector)) continue
    if (replicas > 1) {
      yield error(
        'receiver-copies',
        workload,
        `runs ${replicas} receivers: each has its own file, and a connection that moves is counted twice`,
        'use replicas: 1',
      )
    }
    if (workload.kind === 'Deployment') {
      yield warning(
        'receiver-workload',
        workload,
        'is a Deployment: a rollout runs two receivers for a while',
        'use a StatefulSet',
      )
    }
  }
}

/** `*` at either end of a text, as AuthorizationPolicy has it. */
const matches = (pattern: string, text: string): boolean =>
  pattern === text ||
  (pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1))) ||
  (pattern.startsWith('*') && text.endsWith(pattern.slice(1)))

/** With an ALLOW policy, what no rule lets in is refused, and sidecars lose their entries. */
function* checkAuthorization(
  { receiver, ...mesh }: Mesh,
  service: ClusterObject,
): Generator<Finding> {
  const selector = fieldsOf(service.spec['selector'])
  const policies = mesh
    .ofKind('AuthorizationPolicy')
    .filter(
      ({ namespace, spec }) =>
        namespace === receiver.namespace &&
        (textOf(spec['action']) ?? 'ALLOW') === 'ALLOW' &&
        hasLabels(selector, fieldsOf(at(spec, 'selector', 'matchLabels'))),
    )
  if (policies.length === 0) return
  const lets = policies.some((policy) =>
    specList(policy, 'rules').some(({ to }) => {
      const operations = listOf(to).map((one) => fieldsOf(at(one, 'operation')))
      return operations.length === 0 || operations.some(isOpen)
    }),
  )
  function isOpen(operation: ReturnType<typeof fieldsOf>): boolean {
    const ports = textsOf(operation['ports'])
    const paths = textsOf(operation['paths'])
    return (
      (ports.length === 0 || ports.includes(String(receiver.port))) &&
      (paths.length === 0 || paths.some((path) => matches(path, METHOD)))
    )
  }
  const [first] = policies
  if (lets || first === undefined) return
  yield error(
    'receiver-authorization',
    first,
    `lets nobody call StreamAccessLogs on port ${receiver.port}`,
    `add a rule: to: [{operation: {ports: ["${receiver.port}"], paths: ["${METHOD}"]}}]`,
  )
}

/** Access logs of EnvoyFilters name a cluster; one that does not exist is no error to Envoy. */
function* checkClusters(mesh: Mesh): Generator<Finding> {
  const expected = `outbound|${mesh.receiver.port}||${mesh.receiverHost}`
  for (const { owner, accessLogs } of mesh.patches) {
    for (const { cluster } of accessLogs) {
      if (cluster === undefined || cluster === expected) continue
      yield error(
        'envoyfilter-cluster',
        owner,
        `reports to cluster ${cluster}, which is not the receiver's: every entry is lost`,
        `use ${expected}`,
      )
    }
  }
}

function* checkTls(mesh: Mesh, host: string): Generator<Finding> {
  for (const rule of mesh.ofKind('DestinationRule')) {
    const mode = textOf(at(rule.spec, 'trafficPolicy', 'tls', 'mode'))
    if (rule.spec['host'] !== host || mode === undefined || mode === 'ISTIO_MUTUAL') continue
    yield error(
      'receiver-tls',
      rule,
      `calls the receiver with tls mode ${mode} instead of the mesh's own: STRICT refuses it`,
      'remove it, or use ISTIO_MUTUAL',
    )
  }
}
