import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type KubeObject,
  nameOf,
  parseDocuments,
  readDocuments,
  yamlFiles,
} from '../helpers/kubernetes/documents.ts'
import { envoyProblems } from '../helpers/kubernetes/envoy-value.ts'
import { typeProblems } from '../helpers/kubernetes/excess-properties.ts'
import {
  KUBERNETES_VERSIONS,
  kubernetesProblems,
  kubernetesValidator,
} from '../helpers/kubernetes/kubernetes-validate.ts'
import { meshConfigProblems } from '../helpers/kubernetes/mesh-config.ts'
import { schemaProblems } from '../helpers/kubernetes/models.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const documents = yamlFiles('istio').flatMap(readDocuments)
const isFragment = (object: KubeObject): boolean =>
  object.kind === 'IstioOperator' || 'meshConfig' in object
const objects = documents.filter((object) => !isFragment(object) && object.kind !== 'Kustomization')
const kubernetesOwn = objects.filter(
  ({ apiVersion }) => !apiVersion.includes('.') || apiVersion.startsWith('networking.k8s.io/'),
)

const telemetry = (spec: unknown): KubeObject => ({
  apiVersion: 'telemetry.istio.io/v1',
  kind: 'Telemetry',
  metadata: { name: 'seeded' },
  spec,
})

const service = (port: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'seeded' },
  spec: { ports: [port] },
})

test('every object of deploy/istio has only fields of its kind', async () => {
  assert.ok(objects.length > 40)
  assert.deepEqual(await typeProblems(objects), [])
})

test('a misspelt field, at any depth, is found and told with its object', async () => {
  const [first, second, ...more] = await typeProblems([
    telemetry({ accessLogging: [] }),
    telemetry({ accessLoging: [] }),
    service({ port: 9001, appProtocl: 'grpc' }),
  ])
  assert.match(first ?? '', /^Telemetry seeded: .*'"accessLoging"' does not exist/)
  assert.match(second ?? '', /^Service seeded: .*'"appProtocl"' does not exist/)
  assert.deepEqual(more, [])
})

test('every object of deploy/istio passes the schemas of its kind', async () => {
  assert.deepEqual(await schemaProblems(objects), [])
})

test('values that a kind does not take are found by its schema', async () => {
  const unknownMode = telemetry({ accessLogging: [{ match: { mode: 'CLIENTS' } }] })
  const unknownApi = { ...service({ port: 1 }), apiVersion: 'example.com/v1' }
  const problems = await schemaProblems([telemetry({}), unknownMode, unknownApi])
  assert.equal(problems.length, 2)
  assert.match(problems[0] ?? '', /^Telemetry: .*mode/s)
  assert.equal(problems[1], 'Service: no types for example.com/v1')
})

test("Kubernetes' own objects pass its strict schemas, of the oldest and the newest release", async (t) => {
  const validator = await kubernetesValidator(t)
  if (validator === undefined) return
  assert.deepEqual([...new Set(kubernetesOwn.map(({ kind }) => kind))].sort(), [
    'ConfigMap',
    'Namespace',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
    'ServiceAccount',
    'StatefulSet',
  ])
  for (const version of KUBERNETES_VERSIONS) {
    const folder = temporaryFolder(t)
    assert.deepEqual(await kubernetesProblems(validator, version, kubernetesOwn, folder), [])
    const seeded = [service({ port: 9001, appProtocl: 'grpc' })]
    const [problem, ...more] = await kubernetesProblems(validator, version, seeded, folder)
    assert.match(problem ?? '', /ERROR .*service\/seeded .*'appProtocl' was unexpected/)
    assert.deepEqual(more, [])
  }
})

test('every MeshConfig fragment has only keys that we know', () => {
  const fragments = documents.filter(isFragment)
  assert.ok(fragments.length > 3)
  assert.deepEqual(fragments.flatMap(meshConfigProblems), [])
})

test('a misspelt key, a missing port and a service without its namespace are found in MeshConfig', () => {
  const fragment = (log: object): object => ({
    meshConfig: { extensionProviders: [{ name: 'snimeter', envoyTcpAls: log }] },
  })
  const service = 'snimeter/snimeter.snimeter.svc.cluster.local'
  assert.deepEqual(meshConfigProblems(fragment({ service, port: 9001 })), [])
  assert.match(meshConfigProblems(fragment({ service, prot: 9001 })).join('\n'), /\(prot\)/)
  assert.match(meshConfigProblems(fragment({ service })).join('\n'), /required property 'port'/)
  const bare = fragment({ service: 'snimeter.snimeter.svc.cluster.local', port: 9001 })
  assert.match(meshConfigProblems(bare).join('\n'), /service: must match pattern/)
})

const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'

test("the values of every EnvoyFilter fit Envoy's own protos", () => {
  const filters = objects.filter(({ kind }) => kind === 'EnvoyFilter')
  assert.ok(filters.length > 6)
  for (const filter of filters) {
    for (const { patch } of filter.spec.configPatches) {
      assert.equal(patch.value.typed_config['@type'], TCP_PROXY, nameOf(filter))
      assert.deepEqual(envoyProblems(patch.value.typed_config), [], nameOf(filter))
    }
  }
})

test('misspelt fields and types, wrong values and two members of a oneof are found in a patch', () => {
  const proxy = (fields: object): string[] => envoyProblems({ '@type': TCP_PROXY, ...fields })
  const accessLog = (config: object) => ({ access_log: [{ name: 'x', typed_config: config }] })
  const ALS = 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig'
  const table: readonly [found: string[], expected: string][] = [
    [
      proxy({ access_log_option: {} }),
      'typed_config.access_log_option: TcpProxy has no such field',
    ],
    [
      proxy({ access_log_options: { access_log_flush_interval: '15' } }),
      'typed_config.access_log_options.access_log_flush_interval: 15 is no duration in seconds, like 15s',
    ],
    [
      proxy({ cluster: 'a', weighted_clusters: { clusters: [] } }),
      'typed_config: cluster and weighted_clusters are both set (oneof cluster_specifier)',
    ],
    [proxy({ access_log: {} }), 'typed_config.access_log: is not a list'],
    [proxy({ stat_prefix: 7 }), 'typed_config.stat_prefix: 7 is no string'],
    [
      proxy(accessLog({ '@type': `${ALS}s` })),
      'typed_config.access_log[0].typed_config: no such type: envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfigs',
    ],
    [
      proxy(accessLog({ '@type': ALS, common_config: { transport_api_version: 'V4' } })),
      'typed_config.access_log[0].typed_config.common_config.transport_api_version: V4 is no ApiVersion',
    ],
    [
      proxy(accessLog({ common_config: {} })),
      'typed_config.access_log[0].typed_config: has no @type',
    ],
  ]
  for (const [found, expected] of table) assert.deepEqual(found, [expected])
})

test('a key twice, a key that is a number and what YAML 1.1 reads otherwise are refused', () => {
  assert.throws(() => parseDocuments('kind: A\nkind: B\n', 'x'), /x: Map keys must be unique/)
  assert.throws(
    () => parseDocuments('kind: A\nspec: {9002: {}}\n', 'x'),
    /key 9002 is not a string/,
  )
  assert.throws(() => parseDocuments('kind: A\nspec: {a: yes}\n', 'x'), /A reads differently/)
})
