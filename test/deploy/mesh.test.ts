import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  DEPLOY,
  type KubeObject,
  kustomized,
  readDocuments,
  yamlFiles,
} from '../helpers/kubernetes/documents.ts'
import { type Provider, providersOf } from '../helpers/kubernetes/mesh-config.ts'
import { meshProblems } from '../helpers/kubernetes/mesh-rules.ts'

const VARIANTS = readdirSync(join(DEPLOY, 'istio/variants'))
const SETS = ['istio/mesh', ...VARIANTS.map((variant) => `istio/variants/${variant}`)]

const [receiver] = readDocuments('istio/receiver/service.yaml') as [KubeObject]

function fragment(path: string): readonly Provider[] {
  return readDocuments(path).flatMap(providersOf)
}

/** A variant's own MeshConfig, or the default one. */
function providersFor(set: string): readonly Provider[] {
  const own = join(set, 'meshconfig.yaml')
  return fragment(existsSync(join(DEPLOY, own)) ? own : 'istio/mesh/meshconfig-istioctl.yaml')
}

test('both forms of MeshConfig name the same providers', () => {
  const helm = fragment('istio/mesh/meshconfig-helm.yaml')
  assert.deepEqual(helm, fragment('istio/mesh/meshconfig-istioctl.yaml'))
  assert.equal(helm.length, 1)
})

test('in every set of mesh objects names, ports, patches and attributes agree', () => {
  for (const set of SETS) {
    assert.deepEqual(meshProblems(kustomized(set), providersFor(set), receiver), [], set)
  }
})

test('what lies beside the default set agrees with it', () => {
  const flush = readDocuments('istio/variants/egress-gateway/gateway-flush.yaml')
  const gateway = [...kustomized('istio/variants/egress-gateway'), ...flush]
  assert.deepEqual(meshProblems(gateway, providersFor('istio/mesh'), receiver), [])
  const [sidecar] = readDocuments('istio/mesh/sidecar-example.yaml') as [KubeObject]
  const imported: unknown = sidecar.spec.egress[0].hosts
  assert.deepEqual(imported, ['./*', 'istio-system/*', 'external/*', 'snimeter/*'])
})

/** Texts of the default set and of envoyfilter-only, each replaced by a mistake. */
const MISTAKES: readonly [set: string, right: string, wrong: string, found: RegExp][] = [
  ['mesh', '"name":"snimeter"}]', '"name":"snimetre"}]', /no provider is called snimetre/],
  ['mesh', 'requested_server_name', 'server_name', /no attribute connection.server_name/],
  ['mesh', 'xds.cluster_name', 'request.host', /tcp has no attribute request.host/],
  ['mesh', '"filter":{"expression"', '"match":{"expression"', /snimeter has no filter/],
  [
    'mesh',
    '"filter":{"name":"envoy.filters.network.tcp_proxy"}',
    '"sni":"*.a.b"',
    /no filter name/,
  ],
  [
    'mesh',
    '"access_log_options":{"access_log_flush_interval":"15s"}',
    '"access_log_flush_interval":"15s"',
    /the deprecated access_log_flush_interval/,
  ],
  [
    'variants/envoyfilter-only',
    'outbound|9001||snimeter.snimeter',
    'outbound|9001||snimeter.meter',
    /is not the receiver.*authority/s,
  ],
  ['variants/envoyfilter-only', 'outbound|9001|', 'outbound|9002|', /9002.* is not the receiver/],
  ['variants/envoyfilter-only', 'xds.cluster_name', 'xds.cluster', /no attribute xds.cluster$/],
]

test('each of these mistakes is found', () => {
  for (const [set, right, wrong, found] of MISTAKES) {
    const text = JSON.stringify(kustomized(`istio/${set}`))
    assert.ok(text.includes(right), right)
    const objects = JSON.parse(text.replace(right, wrong)) as KubeObject[]
    const problems = meshProblems(objects, providersFor('istio/mesh'), receiver)
    assert.match(problems.join('\n'), found)
  }
})

test('a second patch on a port and a provider that is not the receiver are found', () => {
  const objects = kustomized('istio/mesh')
  const doubled = [...objects, ...kustomized('istio/variants/envoyfilter-only')]
  const providers = providersFor('istio/mesh')
  assert.deepEqual(meshProblems(doubled, providers, receiver), [
    'EnvoyFilter istio-system/snimeter: a second patch on SIDECAR_OUTBOUND 443',
  ])
  const elsewhere = { name: 'snimeter', envoyTcpAls: { service: 'a/b.a.svc', port: 9002 } }
  assert.deepEqual(meshProblems(objects, [elsewhere], receiver), [
    'provider snimeter: a/b.a.svc is not the receiver (snimeter/snimeter.snimeter.svc.cluster.local)',
    'provider snimeter: 9002 is no gRPC port of the receiver',
  ])
})

test('every variant says in its head what it is for, since when, and beside what it must not stand', () => {
  assert.deepEqual(VARIANTS.sort(), [
    'ambient-waypoint',
    'dynamic-dns',
    'egress-gateway',
    'envoyfilter-only',
    'exact-host',
    'unregistered-egress',
  ])
  for (const variant of VARIANTS) {
    const text = readFileSync(join(DEPLOY, 'istio/variants', variant, 'mesh.yaml'), 'utf8')
    assert.match(
      text,
      /^# For: .+\n(?:# {3}.+\n)*# Since: Istio 1\.\d\d\b.*\n(?:# {3}.+\n)*# Not with: /,
    )
  }
})

test('a file that is not applied is named with the reason in its kustomization', () => {
  for (const path of yamlFiles('istio')) {
    const [, folder = '', file = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? []
    const kustomization = readFileSync(join(DEPLOY, folder, 'kustomization.yaml'), 'utf8')
    if (file !== 'kustomization.yaml') assert.ok(kustomization.includes(file), path)
  }
})
