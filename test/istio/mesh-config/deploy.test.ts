import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import { PROJECT } from '../../helpers/command.ts'
import { asked } from './ask.ts'

const ISTIO = join(PROJECT, 'deploy/istio')

interface Named {
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const objectsIn = (text: string): Named[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Named)

const fileOf = (...path: string[]): string => readFileSync(join(ISTIO, ...path), 'utf8')

/** What `kubectl apply -k` of a folder applies. */
const appliedFrom = (...folder: string[]): Named[] =>
  (parse(fileOf(...folder, 'kustomization.yaml')) as { resources: string[] }).resources.flatMap(
    (name) => objectsIn(fileOf(...folder, name)),
  )

const folderOf = (variant: string): string[] =>
  variant === 'telemetry' ? ['mesh'] : ['variants', variant]

for (const variant of VARIANT_NAMES) {
  test(`the example of variant ${variant} is what deploy/istio applies, object by object`, () => {
    const request = asked({ variant: [variant], istio: '1.32' })
    assert.deepEqual(objectsIn(printMeshConfig(request)), appliedFrom(...folderOf(variant)))
  })

  if (variant === 'envoyfilter-only') continue
  test(`MeshConfig of variant ${variant} is that of deploy/istio, for istioctl and helm`, () => {
    const ofVariant = join(...folderOf(variant), 'meshconfig.yaml')
    const own = existsSync(join(ISTIO, ofVariant))
    const forIstioctl = parse(fileOf(own ? ofVariant : 'mesh/meshconfig-istioctl.yaml'))
    const print = (form: 'istioctl' | 'helm') =>
      parse(printMeshConfig(asked({ variant: [variant], istio: '1.32', form })))
    assert.deepEqual(print('istioctl'), forIstioctl)
    assert.deepEqual(
      print('helm'),
      own ? forIstioctl.spec : parse(fileOf('mesh/meshconfig-helm.yaml')),
    )
  })
}

test('billed at the gateway, the gateway reports and is not silenced', () => {
  const request = asked(
    { variant: ['egress-gateway'] },
    {
      billAt: 'gateway',
      gatewayHosts: ['istio-egressgateway.istio-egress.svc.cluster.local'],
    },
  )
  const folder = folderOf('egress-gateway')
  const flush = objectsIn(fileOf(...folder, 'gateway-flush.yaml'))
  const expected = appliedFrom(...folder).flatMap((object) =>
    object.metadata.name === 'no-double-count' ? flush : [object],
  )
  assert.deepEqual(objectsIn(printMeshConfig(request)), expected)
})
