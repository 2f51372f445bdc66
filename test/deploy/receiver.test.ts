import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { parseSize } from '../../src/config/size.ts'
import type { Config } from '../../src/config.ts'
import { type KubeObject, kustomized, nameOf, yamlFiles } from '../helpers/kubernetes/documents.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

const objects = new Map(kustomized('istio/receiver').map((object) => [nameOf(object), object]))

function find(name: string): KubeObject {
  const object = objects.get(name)
  assert.ok(object, name)
  return object
}

const statefulSet = find('StatefulSet snimeter/snimeter').spec
const pod = statefulSet.template.spec
const [container] = pod.containers
const service = find('Service snimeter/snimeter').spec

function config(): Config {
  const { 'config.yaml': text = '' } = find('ConfigMap snimeter/snimeter')['data'] as {
    'config.yaml'?: string
  }
  const loaded = loadConfig({ file: { name: 'config.yaml', text } })
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  assert.deepEqual(loaded.warnings, [])
  return loaded.config
}

const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)?.[1])

test('the receiver is what the pods of its Service listen on', () => {
  const { als, http } = config()
  assert.deepEqual([als.listen, http.listen], ['0.0.0.0:9001', '0.0.0.0:9002'])
  assert.deepEqual(container.ports, [
    { name: 'grpc-als', containerPort: 9001 },
    { name: 'http', containerPort: 9002 },
  ])
  assert.deepEqual(service.ports, [
    { name: 'grpc-als', port: 9001, targetPort: 'grpc-als', appProtocol: 'grpc' },
    { name: 'http', port: 9002, targetPort: 'http', appProtocol: 'http' },
  ])
  assert.equal(statefulSet.serviceName, find('Service snimeter/snimeter').metadata.name)
  // Headless would be a cluster without endpoints to the access log.
  assert.equal(service.type, 'ClusterIP')
  assert.equal(service.clusterIP, undefined)
  assert.equal(statefulSet.replicas, 1)
})

test('every selector finds the pods', () => {
  const labels = statefulSet.template.metadata.labels
  const selectors = [
    statefulSet.selector.matchLabels,
    service.selector,
    find('PeerAuthentication snimeter/snimeter').spec.selector.matchLabels,
    find('AuthorizationPolicy snimeter/snimeter').spec.selector.matchLabels,
    find('NetworkPolicy snimeter/snimeter').spec.podSelector.matchLabels,
    find('PodDisruptionBudget snimeter/snimeter').spec.selector.matchLabels,
  ]
  for (const selector of selectors) assert.deepEqual({ ...labels, ...selector }, labels)
})

test('there is time to drain and commit before the pod is killed, for the sidecar too', () => {
  const { shutdown } = config()
  const needed = (shutdown.propagationDelayMs + shutdown.deadlineMs) / 1000
  assert.equal(needed, 25)
  assert.ok(pod.terminationGracePeriodSeconds >= needed + 10)
  const proxy = JSON.parse(
    statefulSet.template.metadata.annotations['proxy.istio.io/config'] as string,
  ) as { terminationDrainDuration: string }
  const drain = seconds(proxy.terminationDrainDuration)
  assert.ok(drain >= needed && drain < pod.terminationGracePeriodSeconds)
})

test('memory is shed at three quarters of the limit', () => {
  const limit = parseSize(container.resources.limits.memory as string)
  assert.ok('value' in limit)
  assert.equal(config().memory.shedAboveBytes, limit.value * 0.75)
})

test('every patch flushes as often as the receiver expects', () => {
  const expected = `${config().ledger.flushIntervalMs / 1000}s`
  const texts = yamlFiles('istio').map((path) => read(`deploy/${path}`))
  const intervals = texts
    .flatMap((text) => [...text.matchAll(/access_log_flush_interval: (\S+)/g)])
    .map(([, interval]) => interval)
  assert.equal(intervals.length, 8)
  assert.deepEqual([...new Set(intervals)], [expected])
})

test('the pod and the image agree on user, folders and version', () => {
  const image = read('Dockerfile')
  const { runAsUser, runAsGroup, fsGroup, runAsNonRoot } = pod.securityContext
  assert.ok(image.includes(`USER ${runAsUser}:${runAsGroup}`))
  assert.deepEqual([fsGroup, runAsNonRoot], [runAsGroup, true])
  const mounts = container.volumeMounts as { name: string; mountPath: string }[]
  const at = (name: string): string => mounts.find((mount) => mount.name === name)?.mountPath ?? ''
  assert.ok(image.includes(`SNIMETER_CONFIG=${at('config')}/config.yaml`))
  assert.ok(image.includes(`VOLUME ${at('data')}\n`))
  assert.ok(config().store.path.startsWith(`${at('data')}/`))
  const { version } = JSON.parse(read('package.json')) as { version: string }
  assert.equal(container.image, `snimeter:${version}`)
  assert.ok(read('deploy/helm/snimeter/Chart.yaml').includes(`appVersion: ${version}\n`))
})

test('nothing of the container is writable but its volume, and it has no privileges', () => {
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  assert.equal(pod.automountServiceAccountToken, false)
})

test('the policies name what the program serves', () => {
  const policy = JSON.stringify(find('AuthorizationPolicy snimeter/snimeter').spec.rules)
  const [logs, open, api] = JSON.parse(policy) as unknown[]
  assert.deepEqual(logs, {
    from: [{ source: { principals: ['*'] } }],
    to: [
      {
        operation: {
          ports: ['9001'],
          paths: ['/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'],
        },
      },
    ],
  })
  assert.deepEqual(open, {
    to: [
      {
        operation: { ports: ['9002'], methods: ['GET'], paths: ['/metrics', '/livez', '/readyz'] },
      },
    ],
  })
  assert.deepEqual(api, {
    from: [{ source: { namespaces: ['snimeter'] } }],
    to: [{ operation: { ports: ['9002'] } }],
  })
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe]
  const paths = probes.map(({ httpGet }) => httpGet.path as string)
  assert.deepEqual(paths, ['/readyz', '/livez', '/readyz'])
})
