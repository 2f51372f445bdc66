import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import { VARIANTS } from '../../../src/istio/mesh-config/variants.ts'
import { type KubeObject, parseDocuments } from '../../helpers/kubernetes/documents.ts'
import { envoyProblems } from '../../helpers/kubernetes/envoy-value.ts'
import { typeProblems } from '../../helpers/kubernetes/excess-properties.ts'
import { meshConfigProblems } from '../../helpers/kubernetes/mesh-config.ts'
import { schemaProblems } from '../../helpers/kubernetes/models.ts'
import { ask, asked } from './ask.ts'
import { hostLists } from './host-lists.ts'

const printed = (flags: Parameters<typeof asked>[0]): KubeObject[] =>
  parseDocuments(printMeshConfig(asked(flags)), 'printed')

test('law: any list of hosts prints the objects of its variant, valid by every schema', async () => {
  await fc.assert(
    fc.asyncProperty(hostLists, async ({ variant, ...flags }) => {
      const request = asked({ ...flags, variant: [variant] })
      const [place, ...objects] = printed({ ...flags, variant: [variant] })
      assert.equal(place?.kind, 'Namespace')
      assert.deepEqual(
        objects,
        VARIANTS[variant].sections(request).map(({ object }) => object),
      )
      assert.deepEqual(await schemaProblems(objects), [])
      for (const { spec } of objects.filter(({ kind }) => kind === 'EnvoyFilter')) {
        for (const { patch } of spec.configPatches) {
          assert.deepEqual(envoyProblems(patch.value.typed_config), [])
        }
      }
      if (variant === 'envoyfilter-only') return
      for (const form of ['istioctl', 'helm'] as const) {
        const fragment = parse(printMeshConfig({ ...request, form }))
        assert.deepEqual(meshConfigProblems(fragment), [])
      }
    }),
  )
})

test('no object of random hosts has a field that its kind does not know', async () => {
  const objects = fc
    .sample(hostLists, { numRuns: 40, seed: 1 })
    .flatMap(({ variant, ...flags }) => printed({ ...flags, variant: [variant] }))
  assert.equal(new Set(objects.map(({ kind }) => kind)).size, 7)
  assert.deepEqual(await typeProblems(objects), [])
})

test('law: order, case, dots and repetition of hosts change nothing; its own hosts give it again', () => {
  fc.assert(
    fc.property(hostLists, fc.nat(), ({ variant, host, ...flags }, turn) => {
      const text = printMeshConfig(asked({ ...flags, host, variant: [variant] }))
      const turned = [...host.slice(turn % host.length), ...host]
        .toReversed()
        .map((name, index) => (index % 2 === 0 ? `${name.toUpperCase()}.` : name))
      const own = parseDocuments(text, 'printed')
        .filter(({ kind }) => kind === 'ServiceEntry')
        .flatMap(({ spec }): string[] => spec.hosts)
      for (const again of [turned, own]) {
        assert.equal(printMeshConfig(asked({ ...flags, host: again, variant: [variant] })), text)
      }
    }),
  )
})

test('law: any text as a host is read or refused, and never ends up in the output as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const answer = ask({ host: [text, '*.example.com'] })
      if ('refusals' in answer) return
      for (const host of answer.request.hosts) assert.match(host, /^\*\.[a-z0-9.-]+$/)
    }),
  )
})

test('MeshConfig stands in comments for kubectl, and alone for istioctl and helm', () => {
  const provider = {
    name: 'snimeter',
    envoyTcpAls: {
      service: 'snimeter/snimeter.snimeter.svc.cluster.local',
      port: 9001,
      logName: 'snimeter',
    },
  }
  const meshConfig = { extensionProviders: [provider] }
  assert.deepEqual(parse(printMeshConfig(asked({ form: 'helm' }))), { meshConfig })
  assert.deepEqual(parse(printMeshConfig(asked({ form: 'istioctl' }))), {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    spec: { meshConfig },
  })
  const [head = ''] = printMeshConfig(asked({})).split('\n---\n')
  const block = head.split('\n').filter((line) => line.startsWith('#   '))
  const [fragment] = block.join('\n').replaceAll('#   ', '').split('\nspec:')
  assert.deepEqual(parse(fragment ?? ''), { meshConfig })
})

test('requests are logged under a provider of their own, sources of a waypoint by filter state', () => {
  const providers = (variant: string) =>
    parse(printMeshConfig(asked({ variant: [variant], form: 'helm', istio: '1.30' })) ?? '')
      .meshConfig.extensionProviders
  assert.deepEqual(providers('exact-host')[1], {
    name: 'snimeter-http',
    envoyHttpAls: {
      service: 'snimeter/snimeter.snimeter.svc.cluster.local',
      port: 9001,
      logName: 'snimeter-http',
    },
  })
  assert.deepEqual(providers('ambient-waypoint')[0].envoyTcpAls.filterStateObjectsToLog, [
    'downstream_peer',
    'io.istio.peer_principal',
  ])
})

test('no comment line is wider than 100 columns, and none holds a break', () => {
  for (const variant of VARIANT_NAMES) {
    const text = printMeshConfig(asked({ variant: [variant], istio: '1.32' }))
    const comments = text.split('\n').filter((line) => line.startsWith('#'))
    assert.ok(comments.every((line) => line.length <= 100))
  }
})
