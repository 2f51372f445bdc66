import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { printMeshConfig } from '../../../src/istio/mesh-config/print.ts'
import { VARIANT_NAMES } from '../../../src/istio/mesh-config/variant-names.ts'
import {
  type KubeObject,
  kustomized,
  parseDocuments,
  readDocuments,
  yamlFiles,
} from '../../helpers/kubernetes/documents.ts'
import { asked } from './ask.ts'

/** Below `deploy`. */
const folderOf = (variant: string): string =>
  variant === 'telemetry' ? 'istio/mesh' : `istio/variants/${variant}`

const objectsIn = (text: string): KubeObject[] => parseDocuments(text, 'printed')

for (const variant of VARIANT_NAMES) {
  test(`the example of variant ${variant} is what deploy/istio applies, object by object`, () => {
    const request = asked({ variant: [variant], istio: '1.32' })
    assert.deepEqual(objectsIn(printMeshConfig(request)), kustomized(folderOf(variant)))
  })

  if (variant === 'envoyfilter-only') continue
  test(`MeshConfig of variant ${variant} is that of deploy/istio, for istioctl and helm`, () => {
    const ofVariant = `${folderOf(variant)}/meshconfig.yaml`
    const own = yamlFiles('istio').includes(ofVariant)
    const [forIstioctl] = readDocuments(own ? ofVariant : 'istio/mesh/meshconfig-istioctl.yaml')
    const [forHelm] = own ? [forIstioctl?.spec] : readDocuments('istio/mesh/meshconfig-helm.yaml')
    const print = (form: 'istioctl' | 'helm') =>
      parse(printMeshConfig(asked({ variant: [variant], istio: '1.32', form })))
    assert.deepEqual(print('istioctl'), forIstioctl)
    assert.deepEqual(print('helm'), forHelm)
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
  const expected = kustomized(folder).flatMap((object) =>
    object.metadata.name === 'no-double-count'
      ? readDocuments(`${folder}/gateway-flush.yaml`)
      : [object],
  )
  assert.deepEqual(objectsIn(printMeshConfig(request)), expected)
})
