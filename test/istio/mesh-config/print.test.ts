import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse, parseAllDocuments } from 'yaml'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import { VARIANTS } from '../../../src/istio/mesh-config/variants.ts'
import { ask, asked } from './ask.ts'
import { invalid } from './crd-validators.ts'

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/)
const domain = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('com', 'example', 'x1'))
  .map(([labels, top]) => [...labels, top].join('.'))
const wildcard = domain.map((name) => `*.${name}`)
const hostLists = fc.constantFrom(...VARIANT_NAMES).chain((variant) =>
  fc.record({
    variant: fc.constant(variant),
    host:
      variant === 'exact-host'
        ? fc
            .tuple(domain, fc.array(fc.oneof(domain, wildcard), { maxLength: 8 }))
            .map(([one, more]) => [one, ...more])
        : fc.array(wildcard, { minLength: 1, maxLength: 8 }),
    istio: fc.constantFrom('1.30', '1.31', '1.32'),
    port: fc.constantFrom(['443'], ['8443']),
  }),
)

interface Printed {
  readonly apiVersion: string
  readonly kind: string
  readonly spec?: { readonly hosts?: readonly string[] }
}

/** The waypoint's Gateway is of the Gateway API, whose schema is elsewhere. */
const isIstio = ({ apiVersion }: Printed): boolean => apiVersion.includes('.istio.io/')

const documentsOf = (text: string): Printed[] =>
  parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, [])
    return document.toJS() as Printed
  })

test('law: any list of hosts prints the objects of its variant, each of them valid', () => {
  fc.assert(
    fc.property(hostLists, ({ variant, ...flags }) => {
      const request = asked({ ...flags, variant: [variant] })
      const documents = documentsOf(printMeshConfig(request))
      const objects = VARIANTS[variant].sections(request).map(({ object }) => object)
      const [place, ...rest] = documents
      assert.equal(place?.kind, 'Namespace')
      assert.deepEqual(rest, objects)
      for (const document of rest.filter(isIstio)) assert.deepEqual(invalid(document), [])
    }),
  )
})

test('law: order, case, dots and repetition of hosts change nothing; its own hosts give it again', () => {
  fc.assert(
    fc.property(hostLists, fc.nat(), ({ variant, host, ...flags }, turn) => {
      const text = printMeshConfig(asked({ ...flags, host, variant: [variant] }))
      const turned = [...host.slice(turn % host.length), ...host]
        .toReversed()
        .map((name, index) => (index % 2 === 0 ? `${name.toUpperCase()}.` : name))
      const printed = documentsOf(text)
        .filter(({ kind }) => kind === 'ServiceEntry')
        .flatMap(({ spec }) => spec?.hosts ?? [])
      for (const again of [turned, printed]) {
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

test('the schemas behind that law find a mistake', () => {
  const [, entry] = documentsOf(printMeshConfig(asked({})))
  assert.match(
    invalid({ ...entry, spec: { ...entry?.spec, resolution: 'NOWHERE' } }).join(),
    /resolution/,
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
